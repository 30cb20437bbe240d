//! Expositions are refused or read, whatever is in them, and what is read makes a request.

#![no_main]

use std::collections::HashMap;

use _kernel::exposition::parse::{Context, Format, Limits, Parent, parse, to_otlp};
use _kernel::payload::Payload;
use _kernel::schema::METRICS;
use libfuzzer_sys::fuzz_target;

const SAMPLES: usize = 10_000;

fuzz_target!(|data: &[u8]| {
    let Some(([choices, label], body)) = data.split_first_chunk::<2>() else { return };
    let format = Format::ALL[*choices as usize % Format::ALL.len()].1;
    let limits =
        Limits { samples: SAMPLES, native: choices & 64 != 0, classic: choices & 128 != 0 };
    match parse(format, body, limits) {
        Err(fault) => assert!(fault.offset <= body.len()),
        Ok(mut table) => {
            assert!(table.samples.len() <= SAMPLES);
            let target = [("job".to_owned(), "a".to_owned()), ("le".to_owned(), String::new())];
            table.attach(&target[..(*label % 3) as usize], label & 4 != 0);
            let keep: Vec<bool> =
                (0..table.samples.len()).map(|i| label >> (i % 8) & 1 == 0).collect();
            table.keep(&keep);
            let owners = vec![0; table.samples.len()];
            let parents =
                [Parent { resource: Vec::new(), scope: Vec::new(), schema_url: String::new() }];
            let (without, units) = (["job".to_owned()], HashMap::new());
            let context = Context {
                owners: &owners,
                parents: &parents,
                without: &without,
                now: 1,
                units: &units,
            };
            let (request, _) = to_otlp(&mut table, &context);
            let payload = Payload::parse(&METRICS, request).expect("it is well-formed");
            assert!(payload.items() <= table.samples.len());
        }
    }
});
