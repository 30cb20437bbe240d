//! Whatever columns are added and whatever records are taken back, what is kept stays within its
//! limits, and what is written of it can be read again.

#![no_main]

use _kernel::panes::content::{Figure, Wanted};
use _kernel::panes::input::Input;
use _kernel::panes::keys::{Encoded, Keys};
use _kernel::panes::pairs::Pairs;
use _kernel::panes::shape::{Engine, Limits, Shape};
use _kernel::panes::write::Frame;
use _kernel::payload::Payload;
use _kernel::schema::METRICS;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 3;

const SHAPES: [&str; 8] = [
    r#"{"counts": 1}"#,
    r#"{"counts": 8}"#,
    r#"{"numbers": {}}"#,
    r#"{"histogram": [-1.0, 0.5, 1e300]}"#,
    r#"{"exponential": {"max_size": 3}}"#,
    r#"{"sketch": {"scale": 12, "max_buckets": 20}}"#,
    r#"{"distinct": {"precision": 4}}"#,
    r#"{"busy": {"max_intervals": 3, "pane": 1000}}"#,
];

/// Bytes of an item: two codes, a class, whether it is wanted, and four numbers.
const ITEM: usize = 36;

fuzz_target!(|data: &[u8]| {
    let Some(([shape, split, seed @ ..], rest)) = data.split_first_chunk::<4>() else { return };
    let (items, damage) = rest.split_at(rest.len().min(*split as usize * ITEM));
    let (mut store, mut other) = (store(*shape), store(*shape));
    items.chunks(7 * ITEM).for_each(|items| add(&mut *store, items));
    pairs(items);
    look(&mut *store);
    for (at, (name, body)) in store.changes().into_iter().enumerate() {
        let Some(mut body) = body else { continue };
        assert!(store.restore(&name, &body), "it is as it was saved");
        body.truncate(body.len() - 8);
        for pair in damage.chunks_exact(2) {
            let place = body.len() - 1 - usize::from(pair[0]) % body.len();
            body[place] ^= pair[1].rotate_left(at as u32);
        }
        other.restore_checked(&name, &body);
    }
    look(&mut *other);
    other.restore(&seed[..], damage);
    add(&mut *other, items);
    other.drop_before(i64::from(seed[0]) << 56);
    other.expire(i64::from(seed[1]) << 56);
    look(&mut *other);
    other.drop_before(i64::MAX);
    other.changes();
});

fn store(shape: u8) -> Box<dyn Engine> {
    let shape: Shape =
        serde_json::from_str(SHAPES[shape as usize % SHAPES.len()]).expect("a shape");
    shape.store(&Limits { keys: LIMIT, exemplars: 1, tracked: true }).expect("it makes sense")
}

fn add(store: &mut dyn Engine, items: &[u8]) {
    let items = items.as_chunks::<ITEM>().0;
    let mut keys = Keys::new(items.len());
    for (at, name) in ["a", "b"].into_iter().enumerate() {
        let values = [None, Some(vec![0x10, 1]), Some(vec![0x18, 1]), Some(vec![0x0a, 1, b'x'])];
        let values = values.map(|value| Encoded::attribute(name, value));
        let codes: Vec<u32> = items.iter().map(|item| u32::from(item[at] % 5)).collect();
        if keys.by(Some(name), values.into(), &codes).is_err() {
            return;
        }
    }
    let word = |at: usize| {
        items.iter().map(move |item| {
            u64::from_le_bytes(*item[at..].first_chunk().expect("eight bytes of an item"))
        })
    };
    let input = Input {
        now: 1 << 60,
        wanted: items.iter().map(|item| item[3] & 1).collect(),
        panes: word(4).map(u64::cast_signed).collect(),
        values: word(12).map(f64::from_bits).collect(),
        classes: items.iter().map(|item| item[2] % 9).collect(),
        times: word(20).map(u64::cast_signed).collect(),
        hashes: word(20).collect(),
        weights: word(28).map(f64::from_bits).collect(),
        ..Input::default()
    };
    let report = store.add(&keys, &input);
    assert!(report.overflow + report.unusable <= 2 * items.len() as u64);
}

fn look(store: &mut dyn Engine) {
    assert!(store.size().0 <= LIMIT + 1);
    let starts = store.starts();
    let (first, last) = (*starts.first().unwrap_or(&0), i64::MAX);
    let result = store.merged(first, last);
    let figures = [
        Figure::Count,
        Figure::Sum,
        Figure::Min,
        Figure::Mean,
        Figure::Last,
        Figure::Distinct,
        Figure::Busy,
        Figure::Quantile(0.5),
    ];
    for figure in figures {
        for value in result.figures(figure).into_iter().flatten() {
            assert!(!value.is_infinite(), "{figure:?} is {value}");
        }
    }
    let frame = Frame {
        name: "m".into(),
        unit: String::new(),
        description: String::new(),
        scope: "s".into(),
        version: String::new(),
        monotonic: true,
        cumulative: true,
        start: None,
        time: 1,
        attributes: vec![("c".into(), vec![0x10, 1])],
    };
    for wanted in [Wanted::Figure(Figure::Count), Wanted::Figure(Figure::Mean), Wanted::Class(7)] {
        if let Some(bytes) = store.write(&frame, wanted, i64::MIN, i64::MAX) {
            Payload::parse(&METRICS, bytes).expect("it is well-formed");
        }
    }
}

fn pairs(items: &[u8]) {
    let items = items.as_chunks::<ITEM>().0;
    let hashes: Vec<u64> = items.iter().map(|item| u64::from(item[0] % 5)).collect();
    let roles: Vec<u8> = items.iter().map(|item| item[1] % 5).collect();
    let time = |item: &[u8; ITEM]| i64::from_le_bytes(*item[4..].first_chunk().expect("eight"));
    let times: Vec<i64> = items.iter().map(time).collect();
    let mut pairs = Pairs::new(LIMIT, 1000, true);
    let matches = pairs.take(&hashes, &roles, &times);
    assert!(matches.pairs.iter().all(|(_, seconds)| (0.0..=1e-6).contains(seconds)));
    assert!(pairs.size().0 <= LIMIT);
    let mut other = Pairs::new(LIMIT, 1000, true);
    for (name, body) in pairs.changes() {
        assert!(body.is_none_or(|body| other.restore(&name, &body)));
    }
    assert_eq!(pairs.size().0, other.size().0);
    pairs.expire(0);
}
