//! Whatever a payload holds, it becomes bodies of the bulk API: an action and a document in turns, each
//! a line of JSON without a key twice, and every item has a document or is named.

#![no_main]

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use _kernel::documents::bulk::{self, Body, Written};
use _kernel::documents::points;
use _kernel::documents::route::{Mode, Place, Plan, Route};
use _kernel::payload::Payload;
use flate2::read::GzDecoder;
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

const MODES: [Mode; 6] =
    [Mode::Otel, Mode::Ecs, Mode::None, Mode::Raw, Mode::Bodymap, Mode::Nothing];

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Some(payload) = input.payload() else { return };
    let items = payload.items();
    let plan = plan(input.choices, items, input.rest.len());
    let (bodies, unwritten) = write(&payload, &plan);
    let mut named = vec![0; items];
    for item in &unwritten {
        named[*item as usize] += 1;
    }
    for body in &bodies {
        check(body, &plan);
        for item in &body.items {
            assert!(!unwritten.contains(item), "it has a document");
            named[*item as usize] = 1;
        }
    }
    assert!(named.iter().all(|times| *times == 1));
});

fn plan(
    [modes, items, max_bytes, max_documents, max_total, flags, ..]: [u8; 8],
    len: usize,
    most: usize,
) -> Plan {
    let mode = |i: usize| MODES[(usize::from(modes) + i) % MODES.len()];
    let stream = ["logs", "generic.otel", "default"].map(str::to_owned);
    let route = |i| Route {
        mode: mode(i),
        head: br#"{"create":{"_index":"i""#.to_vec(),
        stream: (flags & 1 << i != 0).then(|| stream.clone()),
    };
    Plan {
        routes: (0..2).map(route).collect(),
        items: (0..len).map(|i| u32::from(items >> (i % 8) & 1)).collect(),
        events: (0..most).map(|i| u32::from(items >> (i % 7) & 1)).collect(),
        ids: flags & 4 != 0,
        pipelines: flags & 8 != 0,
        templates: flags & 16 != 0,
        max_bytes: usize::from(max_bytes) * 8,
        max_documents: usize::from(max_documents) + 1,
        max_total: usize::from(max_total) * 64 + 1,
        level: (flags & 32 != 0).then_some(1),
    }
}

/// All of it, part after part.
fn write(payload: &Arc<Payload>, plan: &Plan) -> (Vec<Body>, Vec<u32>) {
    let payloads = [Arc::clone(payload)];
    let metrics = payload.signal.name == "metrics";
    let write = if metrics { points::write } else { bulk::write };
    let (mut all, mut without, mut place) = (Vec::new(), Vec::new(), Some(Place::default()));
    while let Some(begin) = place {
        let Written { bodies, unwritten, next } = write(&payloads, plan, begin);
        assert!(next.is_none_or(|next| next.at > begin.at), "it goes on");
        all.extend(bodies);
        without.extend(unwritten);
        place = next;
    }
    (all, without)
}

fn check(body: &Body, plan: &Plan) {
    let bytes = plain(body, plan);
    assert!(bytes.len() <= plan.max_bytes || body.documents == 1);
    assert!(body.documents <= plan.max_documents);
    assert_eq!(body.items.len(), body.places.len());
    let places: HashSet<u32> = body.places.iter().copied().collect();
    assert_eq!(places, (0..body.documents as u32).collect());
    let lines: Vec<&[u8]> = bytes.strip_suffix(b"\n").unwrap().split(|it| *it == b'\n').collect();
    assert_eq!(lines.len(), 2 * body.documents);
    for line in lines {
        assert!(line.starts_with(b"{"), "an object");
        match serde_json::from_slice::<Unique>(line) {
            Ok(Unique) => {}
            Err(error) if error.to_string().starts_with("recursion limit") => {
                serde_json::from_slice::<IgnoredAny>(line).expect("JSON");
            }
            Err(error) => panic!("{error}: {}", String::from_utf8_lossy(line)),
        }
    }
}

fn plain(body: &Body, plan: &Plan) -> Vec<u8> {
    if plan.level.is_none() {
        return body.bytes.clone();
    }
    let mut bytes = Vec::new();
    GzDecoder::new(body.bytes.as_slice()).read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// JSON in which no object has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Looking)
    }
}

struct Looking;

impl<'de> Visitor<'de> for Looking {
    type Value = Unique;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Unique)) = map.next_entry::<String, Unique>()? {
            assert!(!keys.contains(&key), "{key:?} is there twice");
            keys.insert(key);
        }
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unique, A::Error> {
        while list.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }
}
