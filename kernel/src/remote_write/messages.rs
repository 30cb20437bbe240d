//! The messages of Prometheus remote write, as data for the checker: version 1 (`prometheus.proto`)
//! and version 2 (`io.prometheus.write.v2`, 2.0-rc.4, with the start time that rc.3 had on series).

use crate::schema::Kind::{Double, Enum, Int64, Sint32, String, Uint32, Uint64};
use crate::schema::{Field, Kind, Message, many, message, one};

const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
    one(number, name, name, kind)
}

const fn list(number: u32, name: &'static str, kind: Kind) -> Field {
    many(number, name, name, kind)
}

message!(
    REQUEST_1,
    "prometheus.WriteRequest",
    list(1, "timeseries", Kind::Message(&SERIES_1)),
    list(3, "metadata", Kind::Message(&METADATA_1)),
);
message!(
    SERIES_1,
    "prometheus.TimeSeries",
    list(1, "labels", Kind::Message(&LABEL)),
    list(2, "samples", Kind::Message(&SAMPLE)),
    list(3, "exemplars", Kind::Message(&EXEMPLAR_1)),
    list(4, "histograms", Kind::Message(&HISTOGRAM)),
);
message!(LABEL, "prometheus.Label", field(1, "name", String), field(2, "value", String));
message!(
    METADATA_1,
    "prometheus.MetricMetadata",
    field(1, "type", Enum),
    field(2, "metric_family_name", String),
    field(4, "help", String),
    field(5, "unit", String),
);
message!(
    EXEMPLAR_1,
    "prometheus.Exemplar",
    list(1, "labels", Kind::Message(&LABEL)),
    field(2, "value", Double),
    field(3, "timestamp", Int64),
);

message!(
    REQUEST_2,
    "io.prometheus.write.v2.Request",
    list(4, "symbols", String),
    list(5, "timeseries", Kind::Message(&SERIES_2)),
);
message!(
    SERIES_2,
    "io.prometheus.write.v2.TimeSeries",
    list(1, "labels_refs", Uint32),
    list(2, "samples", Kind::Message(&SAMPLE)),
    list(3, "histograms", Kind::Message(&HISTOGRAM)),
    list(4, "exemplars", Kind::Message(&EXEMPLAR_2)),
    field(5, "metadata", Kind::Message(&METADATA_2)),
    field(6, "created_timestamp", Int64),
);
message!(
    METADATA_2,
    "io.prometheus.write.v2.Metadata",
    field(1, "type", Enum),
    field(3, "help_ref", Uint32),
    field(4, "unit_ref", Uint32),
);
message!(
    EXEMPLAR_2,
    "io.prometheus.write.v2.Exemplar",
    list(1, "labels_refs", Uint32),
    field(2, "value", Double),
    field(3, "timestamp", Int64),
);

message!(
    SAMPLE,
    "Sample",
    field(1, "value", Double),
    field(2, "timestamp", Int64),
    field(3, "start_timestamp", Int64),
);
message!(
    HISTOGRAM,
    "Histogram",
    field(1, "count_int", Uint64),
    field(2, "count_float", Double),
    field(3, "sum", Double),
    field(4, "schema", Sint32),
    field(5, "zero_threshold", Double),
    field(6, "zero_count_int", Uint64),
    field(7, "zero_count_float", Double),
    list(8, "negative_spans", Kind::Message(&SPAN)),
    list(9, "negative_deltas", Uint64), // zigzag, which the checker need not know
    list(10, "negative_counts", Double),
    list(11, "positive_spans", Kind::Message(&SPAN)),
    list(12, "positive_deltas", Uint64),
    list(13, "positive_counts", Double),
    field(14, "reset_hint", Enum),
    field(15, "timestamp", Int64),
    list(16, "custom_values", Double),
    field(17, "start_timestamp", Int64),
);
message!(SPAN, "BucketSpan", field(1, "offset", Sint32), field(2, "length", Uint32));
