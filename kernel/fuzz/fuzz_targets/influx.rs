//! Whatever lines say, their points are a request of OTLP's in the room that they have, and every
//! line is a point or a fault.

#![no_main]

use _kernel::payload::Payload;
use _kernel::push::influx::{Options, read};
use _kernel::schema::METRICS;
use libfuzzer_sys::fuzz_target;

const ROOM: usize = 1 << 16;

/// Nanoseconds of the units of time that requests can have.
const PRECISIONS: [i64; 4] = [1, 1_000_000, 1_000_000_000, 3_600_000_000_000];

fuzz_target!(|data: &[u8]| {
    let [choice, body @ ..] = data else { return };
    let resource = ["service.".to_owned()];
    let precision = PRECISIONS[usize::from(*choice) % PRECISIONS.len()];
    let options = Options { precision, now: 1, resource: &resource, scope: b"", room: ROOM };
    let Some(outcome) = read(body, &options) else { return };
    let lines = body.split(|byte| *byte == b'\n').count();
    assert!(outcome.faults.count <= lines);
    assert!(outcome.faults.told.iter().all(|(line, _)| (1..=lines).contains(line)));
    assert!(outcome.tree.size <= ROOM);
    let items = outcome.tree.items;
    let payload = Payload::parse(&METRICS, outcome.tree.write()).expect("it is well-formed");
    assert_eq!(payload.items(), items);
});
