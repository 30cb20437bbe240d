//! Jaeger's messages as data, as far as they are carried.

use crate::schema::Kind::{self, Bool, Bytes, Double, Enum, Int32, Int64, String};
use crate::schema::{Message, many, message, one};

message!(
    SPAN,
    "Span",
    one(1, "trace_id", "traceId", Bytes),
    one(2, "span_id", "spanId", Bytes),
    one(3, "operation_name", "operationName", String),
    many(4, "references", "references", Kind::Message(&REFERENCE)),
    one(6, "start_time", "startTime", Kind::Message(&TIME)),
    one(7, "duration", "duration", Kind::Message(&DURATION)),
    many(8, "tags", "tags", Kind::Message(&TAG)),
    many(9, "logs", "logs", Kind::Message(&LOG)),
    one(10, "process", "process", Kind::Message(&PROCESS)),
);
message!(
    REFERENCE,
    "SpanRef",
    one(1, "trace_id", "traceId", Bytes),
    one(2, "span_id", "spanId", Bytes),
    one(3, "ref_type", "refType", Enum),
);
message!(
    TAG,
    "KeyValue",
    one(1, "key", "key", String),
    one(2, "v_type", "vType", Enum),
    one(3, "v_str", "vStr", String),
    one(4, "v_bool", "vBool", Bool),
    one(5, "v_int64", "vInt64", Int64),
    one(6, "v_float64", "vFloat64", Double),
    one(7, "v_binary", "vBinary", Bytes),
);
message!(
    LOG,
    "Log",
    one(1, "timestamp", "timestamp", Kind::Message(&TIME)),
    many(2, "fields", "fields", Kind::Message(&TAG)),
);
message!(
    PROCESS,
    "Process",
    one(1, "service_name", "serviceName", String),
    many(2, "tags", "tags", Kind::Message(&TAG)),
);
message!(TIME, "Timestamp", one(1, "seconds", "seconds", Int64), one(2, "nanos", "nanos", Int32),);
message!(
    DURATION,
    "Duration",
    one(1, "seconds", "seconds", Int64),
    one(2, "nanos", "nanos", Int32),
);
