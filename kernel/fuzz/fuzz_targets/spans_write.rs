//! What is made of spans for Jaeger and Zipkin can be read, all of it.

#![no_main]

use std::slice::from_ref;

use _kernel::jaeger;
use _kernel::schema::TRACES;
use _kernel::zipkin::{from_otlp, json, protobuf};
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(mut input) = Input::read(data) else { return };
    input.signal = &TRACES;
    let Some(payload) = input.payload() else { return };
    let mut reader = jaeger::read::Reader::default();
    for message in jaeger::write::messages(from_ref(&payload)) {
        let from_json = jaeger::json::read(&jaeger::json::write(&message.value));
        for fault in [from_json.err(), reader.read(&message.value).err()].into_iter().flatten() {
            assert!(fault.contains("time"), "{fault}");
        }
    }
    let (mut text, mut proto, mut written) = (vec![b'['], Vec::new(), 0);
    let unfit = from_otlp::spans(from_ref(&payload), |span| {
        json::write(&mut text, span);
        protobuf::write(&mut proto, span);
        written += 1;
    });
    text.push(b']');
    assert_eq!(written + unfit.len(), payload.items());
    assert_eq!(json::read(&text).expect("it is a list").len(), written);
    assert_eq!(protobuf::read(&proto).expect("it is a list").len(), written);
});
