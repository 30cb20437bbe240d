//! What is read of remote write takes no more room than it may, and is a request of OTLP's.

#![no_main]

use _kernel::payload::Payload;
use _kernel::remote_write::otlp::{Meaning, Sense};
use _kernel::remote_write::points::convert;
use _kernel::remote_write::read::{Metric, Request, Version};
use _kernel::schema::METRICS;
use libfuzzer_sys::fuzz_target;

const ROOM: usize = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let [version, body @ ..] = data else { return };
    let version = Version::numbered(version % 2 + 1);
    let Ok(request) = Request::read(version, body.to_vec(), ROOM) else { return };
    let meaning = Meaning {
        resources: request.targets.iter().map(|_| Vec::new()).collect(),
        metrics: request.metrics.iter().map(sense).collect(),
    };
    let Some(outcome) = convert(&request, &meaning, ROOM) else { return };
    let payload = Payload::parse(&METRICS, outcome.payload).expect("it is well-formed");
    assert_eq!(payload.items(), outcome.samples + outcome.histograms);
});

fn sense(metric: &Metric) -> Sense {
    Sense {
        name: metric.name.clone(),
        description: metric.help.clone(),
        unit: metric.unit.clone(),
        type_: String::new(),
        counter: metric.kind == 1,
    }
}
