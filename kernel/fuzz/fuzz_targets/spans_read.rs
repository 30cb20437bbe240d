//! Whatever messages of Jaeger and Zipkin say, their spans are a request of OTLP's.

#![no_main]

use _kernel::jaeger;
use _kernel::payload::Payload;
use _kernel::push::tree::Tree;
use _kernel::schema::TRACES;
use _kernel::zipkin::{json, model, protobuf, to_otlp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [choice, message @ ..] = data else { return };
    let read = [of_jaeger, of_jaeger_json, of_zipkin, of_zipkin_json][usize::from(choice % 4)];
    let Some(tree) = read(message) else { return };
    let items = tree.items;
    let payload = Payload::parse(&TRACES, tree.write()).expect("it is well-formed");
    assert_eq!(payload.items(), items);
});

fn of_jaeger(message: &[u8]) -> Option<Tree> {
    let mut reader = jaeger::read::Reader::default();
    reader.read(message).ok()?;
    jaeger::json::write(message);
    Some(reader.tree)
}

fn of_jaeger_json(message: &[u8]) -> Option<Tree> {
    of_jaeger(&jaeger::json::read(message).ok()?)
}

fn of_zipkin(message: &[u8]) -> Option<Tree> {
    Some(tree(protobuf::read(message).ok()?))
}

fn of_zipkin_json(message: &[u8]) -> Option<Tree> {
    Some(tree(json::read(message).ok()?))
}

fn tree(spans: Vec<model::Span>) -> Tree {
    let mut tree = Tree::default();
    for span in spans {
        to_otlp::add(&mut tree, span);
    }
    tree
}
