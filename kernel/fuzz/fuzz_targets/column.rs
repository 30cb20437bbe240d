//! Every path gives a value for each item, whatever the payload.

#![no_main]

use _kernel::column::{Numbers, column, numbers};
use _kernel::path::Path;
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 24] = [
    "resource.attributes[\"a\"]",
    "resource.attributes[\"a\"][\"b\"]",
    "resource.attributes",
    "resource.schema_url",
    "scope.name",
    "scope.attributes[\"a\"]",
    "span.name",
    "span.kind",
    "span.trace_id",
    "span.status.code",
    "span.duration",
    "span.events",
    "span.attributes[\"a\"]",
    "metric.name",
    "metric.type",
    "metric.is_monotonic",
    "metric.aggregation_temporality",
    "datapoint.value",
    "datapoint.attributes[\"a\"]",
    "datapoint.time_unix_nano",
    "log.body",
    "log.body[\"a\"]",
    "log.severity_number",
    "log.attributes[\"a\"]",
];

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    let payloads = [payload];
    let items = payloads[0].items();
    for path in PATHS.iter().filter_map(|text| Path::parse(input.signal, text).ok()) {
        let column = column(&payloads, &path);
        assert_eq!(column.codes.len(), items);
        assert!(column.codes.iter().all(|code| (*code as usize) < column.values.len()));
        match numbers(&payloads, &path) {
            Some(Numbers::Integers(values)) => assert_eq!(values.len(), items),
            Some(Numbers::Floats(values)) => assert_eq!(values.len(), items),
            None => {}
        }
    }
});
