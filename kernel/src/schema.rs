//! The OTLP messages as data (opentelemetry-proto 1.x): what the checker, the columns, the rows
//! and the JSON codec walk by. A new field of the protocol is one line here.

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Kind {
    Bool,
    Int32,
    Uint32,
    Sint32,
    Int64,
    Uint64,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    Enum,
    String,
    Bytes,
    /// Bytes that are hex in JSON: trace and span ids.
    Id,
    Message(&'static Message),
}

#[allow(clippy::struct_excessive_bools)] // four facts of the protocol, in any combination
pub struct Field {
    pub number: u32,
    /// The name in the protocol's definition, which is also OTTL's.
    pub name: &'static str,
    /// The name in OTLP/JSON.
    pub json: &'static str,
    pub kind: Kind,
    pub repeated: bool,
    /// A field with presence is told apart from one that is absent even when it is 0 or empty:
    /// messages, `optional` fields and members of a `oneof`.
    pub presence: bool,
    /// The members of one `oneof` exclude each other: the last on the wire counts.
    pub oneof: bool,
    /// Holds `KeyValue` messages: attributes.
    pub pairs: bool,
}

pub struct Message {
    pub name: &'static str,
    pub fields: &'static [Field],
    by_number: [u8; 32],
    content: [Content; 32],
}

/// What there is to check in the data of a length-delimited field. One byte by number, because the
/// checker asks it for every field of every item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Anything,
    Text,
    Message,
    /// A message that is a `KeyValue`.
    Pair,
    Varints,
    Fixed64s,
    Fixed32s,
}

impl Content {
    const fn of(field: &Field) -> Self {
        match field.kind {
            String => Self::Text,
            Kind::Message(_) if field.pairs => Self::Pair,
            Kind::Message(_) => Self::Message,
            _ if !field.repeated => Self::Anything,
            Bytes | Id => Self::Anything,
            Fixed64 | Sfixed64 | Double => Self::Fixed64s,
            Fixed32 => Self::Fixed32s,
            _ => Self::Varints,
        }
    }
}

const NONE: u8 = u8::MAX;

impl Message {
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let mut by_number = [NONE; 32];
        let mut content = [Content::Anything; 32];
        let mut i = 0;
        while i < fields.len() {
            by_number[fields[i].number as usize] = i as u8;
            content[fields[i].number as usize] = Content::of(&fields[i]);
            i += 1;
        }
        Self { name, fields, by_number, content }
    }

    #[inline]
    pub fn content(&self, number: u32) -> Content {
        self.content.get(number as usize).copied().unwrap_or(Content::Anything)
    }

    /// The message that a field holds.
    #[inline]
    pub fn child(&self, number: u32) -> Option<&'static Self> {
        match self.field(number)?.kind {
            Kind::Message(inner) => Some(inner),
            _ => None,
        }
    }

    #[inline]
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        match self.by_number.get(number as usize) {
            Some(&i) if i != NONE => Some(&self.fields[i as usize]),
            _ => None,
        }
    }

    pub fn by_name(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub fn by_json(&self, json: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.json == json)
    }
}

pub const fn one(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    let presence = matches!(kind, Kind::Message(_));
    Field { number, name, json, kind, repeated: false, presence, oneof: false, pairs: false }
}

pub const fn many(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field { number, name, json, kind, repeated: true, presence: false, oneof: false, pairs: false }
}

const fn pairs(number: u32, name: &'static str, json: &'static str) -> Field {
    Field { pairs: true, ..many(number, name, json, Kind::Message(&KEY_VALUE)) }
}

const fn optional(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field { number, name, json, kind, repeated: false, presence: true, oneof: false, pairs: false }
}

const fn choice(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field { number, name, json, kind, repeated: false, presence: true, oneof: true, pairs: false }
}

macro_rules! message {
    ($ident:ident, $name:literal, $($field:expr),* $(,)?) => {
        pub static $ident: Message = Message::new($name, &[$($field),*]);
    };
}
pub(crate) use message;

use Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Sfixed64, Sint32, String,
    Uint32, Uint64,
};

message!(
    ANY_VALUE,
    "AnyValue",
    choice(1, "string_value", "stringValue", String),
    choice(2, "bool_value", "boolValue", Bool),
    choice(3, "int_value", "intValue", Int64),
    choice(4, "double_value", "doubleValue", Double),
    choice(5, "array_value", "arrayValue", Kind::Message(&ARRAY_VALUE)),
    choice(6, "kvlist_value", "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
    choice(7, "bytes_value", "bytesValue", Bytes),
    choice(8, "string_value_strindex", "stringValueStrindex", Int32),
);
message!(ARRAY_VALUE, "ArrayValue", many(1, "values", "values", Kind::Message(&ANY_VALUE)),);
message!(KEY_VALUE_LIST, "KeyValueList", pairs(1, "values", "values"),);
message!(
    KEY_VALUE,
    "KeyValue",
    one(1, "key", "key", String),
    one(2, "value", "value", Kind::Message(&ANY_VALUE)),
    one(3, "key_strindex", "keyStrindex", Int32),
);
message!(
    ENTITY_REF,
    "EntityRef",
    one(1, "schema_url", "schemaUrl", String),
    one(2, "type", "type", String),
    many(3, "id_keys", "idKeys", String),
    many(4, "description_keys", "descriptionKeys", String),
);
message!(
    RESOURCE,
    "Resource",
    pairs(1, "attributes", "attributes"),
    one(2, "dropped_attributes_count", "droppedAttributesCount", Uint32),
    many(3, "entity_refs", "entityRefs", Kind::Message(&ENTITY_REF)),
);
message!(
    SCOPE,
    "InstrumentationScope",
    one(1, "name", "name", String),
    one(2, "version", "version", String),
    pairs(3, "attributes", "attributes"),
    one(4, "dropped_attributes_count", "droppedAttributesCount", Uint32),
);

message!(
    TRACES_REQUEST,
    "ExportTraceServiceRequest",
    many(1, "resource_spans", "resourceSpans", Kind::Message(&RESOURCE_SPANS)),
);
message!(
    RESOURCE_SPANS,
    "ResourceSpans",
    one(1, "resource", "resource", Kind::Message(&RESOURCE)),
    many(2, "scope_spans", "scopeSpans", Kind::Message(&SCOPE_SPANS)),
    one(3, "schema_url", "schemaUrl", String),
);
message!(
    SCOPE_SPANS,
    "ScopeSpans",
    one(1, "scope", "scope", Kind::Message(&SCOPE)),
    many(2, "spans", "spans", Kind::Message(&SPAN)),
    one(3, "schema_url", "schemaUrl", String),
);
message!(
    SPAN,
    "Span",
    one(1, "trace_id", "traceId", Id),
    one(2, "span_id", "spanId", Id),
    one(3, "trace_state", "traceState", String),
    one(4, "parent_span_id", "parentSpanId", Id),
    one(16, "flags", "flags", Fixed32),
    one(5, "name", "name", String),
    one(6, "kind", "kind", Enum),
    one(7, "start_time_unix_nano", "startTimeUnixNano", Fixed64),
    one(8, "end_time_unix_nano", "endTimeUnixNano", Fixed64),
    pairs(9, "attributes", "attributes"),
    one(10, "dropped_attributes_count", "droppedAttributesCount", Uint32),
    many(11, "events", "events", Kind::Message(&EVENT)),
    one(12, "dropped_events_count", "droppedEventsCount", Uint32),
    many(13, "links", "links", Kind::Message(&LINK)),
    one(14, "dropped_links_count", "droppedLinksCount", Uint32),
    one(15, "status", "status", Kind::Message(&STATUS)),
);
message!(
    EVENT,
    "Event",
    one(1, "time_unix_nano", "timeUnixNano", Fixed64),
    one(2, "name", "name", String),
    pairs(3, "attributes", "attributes"),
    one(4, "dropped_attributes_count", "droppedAttributesCount", Uint32),
);
message!(
    LINK,
    "Link",
    one(1, "trace_id", "traceId", Id),
    one(2, "span_id", "spanId", Id),
    one(3, "trace_state", "traceState", String),
    pairs(4, "attributes", "attributes"),
    one(5, "dropped_attributes_count", "droppedAttributesCount", Uint32),
    one(6, "flags", "flags", Fixed32),
);
message!(STATUS, "Status", one(2, "message", "message", String), one(3, "code", "code", Enum),);

message!(
    LOGS_REQUEST,
    "ExportLogsServiceRequest",
    many(1, "resource_logs", "resourceLogs", Kind::Message(&RESOURCE_LOGS)),
);
message!(
    RESOURCE_LOGS,
    "ResourceLogs",
    one(1, "resource", "resource", Kind::Message(&RESOURCE)),
    many(2, "scope_logs", "scopeLogs", Kind::Message(&SCOPE_LOGS)),
    one(3, "schema_url", "schemaUrl", String),
);
message!(
    SCOPE_LOGS,
    "ScopeLogs",
    one(1, "scope", "scope", Kind::Message(&SCOPE)),
    many(2, "log_records", "logRecords", Kind::Message(&LOG_RECORD)),
    one(3, "schema_url", "schemaUrl", String),
);
message!(
    LOG_RECORD,
    "LogRecord",
    one(1, "time_unix_nano", "timeUnixNano", Fixed64),
    one(11, "observed_time_unix_nano", "observedTimeUnixNano", Fixed64),
    one(2, "severity_number", "severityNumber", Enum),
    one(3, "severity_text", "severityText", String),
    one(5, "body", "body", Kind::Message(&ANY_VALUE)),
    pairs(6, "attributes", "attributes"),
    one(7, "dropped_attributes_count", "droppedAttributesCount", Uint32),
    one(8, "flags", "flags", Fixed32),
    one(9, "trace_id", "traceId", Id),
    one(10, "span_id", "spanId", Id),
    one(12, "event_name", "eventName", String),
);

message!(
    METRICS_REQUEST,
    "ExportMetricsServiceRequest",
    many(1, "resource_metrics", "resourceMetrics", Kind::Message(&RESOURCE_METRICS)),
);
message!(
    RESOURCE_METRICS,
    "ResourceMetrics",
    one(1, "resource", "resource", Kind::Message(&RESOURCE)),
    many(2, "scope_metrics", "scopeMetrics", Kind::Message(&SCOPE_METRICS)),
    one(3, "schema_url", "schemaUrl", String),
);
message!(
    SCOPE_METRICS,
    "ScopeMetrics",
    one(1, "scope", "scope", Kind::Message(&SCOPE)),
    many(2, "metrics", "metrics", Kind::Message(&METRIC)),
    one(3, "schema_url", "schemaUrl", String),
);
message!(
    METRIC,
    "Metric",
    one(1, "name", "name", String),
    one(2, "description", "description", String),
    one(3, "unit", "unit", String),
    choice(5, "gauge", "gauge", Kind::Message(&GAUGE)),
    choice(7, "sum", "sum", Kind::Message(&SUM)),
    choice(9, "histogram", "histogram", Kind::Message(&HISTOGRAM)),
    choice(
        10,
        "exponential_histogram",
        "exponentialHistogram",
        Kind::Message(&EXPONENTIAL_HISTOGRAM)
    ),
    choice(11, "summary", "summary", Kind::Message(&SUMMARY)),
    pairs(12, "metadata", "metadata"),
);
message!(GAUGE, "Gauge", many(1, "data_points", "dataPoints", Kind::Message(&NUMBER_DATA_POINT)),);
message!(
    SUM,
    "Sum",
    many(1, "data_points", "dataPoints", Kind::Message(&NUMBER_DATA_POINT)),
    one(2, "aggregation_temporality", "aggregationTemporality", Enum),
    one(3, "is_monotonic", "isMonotonic", Bool),
);
message!(
    HISTOGRAM,
    "Histogram",
    many(1, "data_points", "dataPoints", Kind::Message(&HISTOGRAM_DATA_POINT)),
    one(2, "aggregation_temporality", "aggregationTemporality", Enum),
);
message!(
    EXPONENTIAL_HISTOGRAM,
    "ExponentialHistogram",
    many(1, "data_points", "dataPoints", Kind::Message(&EXPONENTIAL_HISTOGRAM_DATA_POINT)),
    one(2, "aggregation_temporality", "aggregationTemporality", Enum),
);
message!(
    SUMMARY,
    "Summary",
    many(1, "data_points", "dataPoints", Kind::Message(&SUMMARY_DATA_POINT)),
);
message!(
    NUMBER_DATA_POINT,
    "NumberDataPoint",
    pairs(7, "attributes", "attributes"),
    one(2, "start_time_unix_nano", "startTimeUnixNano", Fixed64),
    one(3, "time_unix_nano", "timeUnixNano", Fixed64),
    choice(4, "as_double", "asDouble", Double),
    choice(6, "as_int", "asInt", Sfixed64),
    many(5, "exemplars", "exemplars", Kind::Message(&EXEMPLAR)),
    one(8, "flags", "flags", Uint32),
);
message!(
    HISTOGRAM_DATA_POINT,
    "HistogramDataPoint",
    pairs(9, "attributes", "attributes"),
    one(2, "start_time_unix_nano", "startTimeUnixNano", Fixed64),
    one(3, "time_unix_nano", "timeUnixNano", Fixed64),
    one(4, "count", "count", Fixed64),
    optional(5, "sum", "sum", Double),
    many(6, "bucket_counts", "bucketCounts", Fixed64),
    many(7, "explicit_bounds", "explicitBounds", Double),
    many(8, "exemplars", "exemplars", Kind::Message(&EXEMPLAR)),
    one(10, "flags", "flags", Uint32),
    optional(11, "min", "min", Double),
    optional(12, "max", "max", Double),
);
message!(
    EXPONENTIAL_HISTOGRAM_DATA_POINT,
    "ExponentialHistogramDataPoint",
    pairs(1, "attributes", "attributes"),
    one(2, "start_time_unix_nano", "startTimeUnixNano", Fixed64),
    one(3, "time_unix_nano", "timeUnixNano", Fixed64),
    one(4, "count", "count", Fixed64),
    optional(5, "sum", "sum", Double),
    one(6, "scale", "scale", Sint32),
    one(7, "zero_count", "zeroCount", Fixed64),
    one(8, "positive", "positive", Kind::Message(&BUCKETS)),
    one(9, "negative", "negative", Kind::Message(&BUCKETS)),
    one(10, "flags", "flags", Uint32),
    many(11, "exemplars", "exemplars", Kind::Message(&EXEMPLAR)),
    optional(12, "min", "min", Double),
    optional(13, "max", "max", Double),
    one(14, "zero_threshold", "zeroThreshold", Double),
);
message!(
    BUCKETS,
    "Buckets",
    one(1, "offset", "offset", Sint32),
    many(2, "bucket_counts", "bucketCounts", Uint64),
);
message!(
    SUMMARY_DATA_POINT,
    "SummaryDataPoint",
    pairs(7, "attributes", "attributes"),
    one(2, "start_time_unix_nano", "startTimeUnixNano", Fixed64),
    one(3, "time_unix_nano", "timeUnixNano", Fixed64),
    one(4, "count", "count", Fixed64),
    one(5, "sum", "sum", Double),
    many(6, "quantile_values", "quantileValues", Kind::Message(&VALUE_AT_QUANTILE)),
    one(8, "flags", "flags", Uint32),
);
message!(
    VALUE_AT_QUANTILE,
    "ValueAtQuantile",
    one(1, "quantile", "quantile", Double),
    one(2, "value", "value", Double),
);
message!(
    EXEMPLAR,
    "Exemplar",
    pairs(7, "filtered_attributes", "filteredAttributes"),
    one(2, "time_unix_nano", "timeUnixNano", Fixed64),
    choice(3, "as_double", "asDouble", Double),
    choice(6, "as_int", "asInt", Sfixed64),
    one(4, "span_id", "spanId", Id),
    one(5, "trace_id", "traceId", Id),
);

/// One kind of telemetry: its request, and the fields that lead from it down to the items.
pub struct Signal {
    pub name: &'static str,
    pub request: &'static Message,
    /// Field numbers from a message of one level to those of the next; the last are the items.
    pub levels: &'static [&'static [u32]],
    /// The field of the items that is one more level for paths, though not of the index: span events.
    pub inner: &'static [u32],
    /// OTTL's contexts of the levels, of the items and of what is inside them.
    pub contexts: &'static [(&'static str, usize)],
}

pub static TRACES: Signal = Signal {
    name: "traces",
    request: &TRACES_REQUEST,
    levels: &[&[1], &[2], &[2]],
    inner: &[11],
    contexts: &[("resource", 0), ("scope", 1), ("span", 2), ("spanevent", 3)],
};
pub static LOGS: Signal = Signal {
    name: "logs",
    request: &LOGS_REQUEST,
    levels: &[&[1], &[2], &[2]],
    inner: &[],
    contexts: &[("resource", 0), ("scope", 1), ("log", 2)],
};
pub static METRICS: Signal = Signal {
    name: "metrics",
    request: &METRICS_REQUEST,
    levels: &[&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]],
    inner: &[],
    contexts: &[("resource", 0), ("scope", 1), ("metric", 2), ("datapoint", 4)],
};
pub static SIGNALS: [&Signal; 3] = [&TRACES, &METRICS, &LOGS];

impl Signal {
    pub fn by_name(name: &str) -> Option<&'static Signal> {
        SIGNALS.into_iter().find(|signal| signal.name == name)
    }

    /// Where it stands in `SIGNALS`.
    pub fn position(&self) -> usize {
        SIGNALS.iter().position(|known| std::ptr::eq(*known, self)).unwrap_or_default()
    }
}
