//! Whatever is pushed in JSON, what is taken of it is a request of OTLP's, and every other item is a
//! fault.

#![no_main]

use _kernel::payload::Payload;
use _kernel::push::documents::Framing;
use _kernel::push::items::{Around, Sort, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [choice, body @ ..] = data else { return };
    let choice = usize::from(*choice);
    let (_, sort) = Sort::ALL[choice % Sort::ALL.len()];
    let framing = if choice < 128 { Framing::Document } else { Framing::Lines };
    let Ok((tree, faults)) = read(sort, body, framing, &Around { scope: b"", now: 1 }) else {
        return;
    };
    let items = tree.items;
    assert!(items + faults.count <= body.len());
    assert!(faults.told.iter().all(|(index, _)| *index < items + faults.count));
    let payload = Payload::parse(sort.signal(), tree.write()).expect("it is well-formed");
    assert_eq!(payload.items(), items);
});
