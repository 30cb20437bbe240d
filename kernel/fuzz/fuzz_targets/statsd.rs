//! Whatever lines come, each is taken or dropped, and what they come to makes requests.

#![no_main]

use std::sync::Arc;

use _kernel::payload::Payload;
use _kernel::schema::{LOGS, METRICS};
use _kernel::statsd::encode::{Counters, Frame, logs, metrics};
use _kernel::statsd::mapping::{Mapping, Rule};
use _kernel::statsd::observer::{Histograms, Observer};
use _kernel::statsd::window::{Terms, Window};
use libfuzzer_sys::fuzz_target;
use regex::Regex;

const SERIES: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Some(([choices, rounds], lines)) = data.split_first_chunk::<2>() else { return };
    let chosen = |bit: u8| choices >> bit & 1 == 1;
    let explicit = chosen(0).then(|| (Regex::new("a").expect("a pattern"), Arc::from([1.0, 10.0])));
    let histograms = Histograms { max_size: 2, explicit: explicit.into_iter().collect() };
    let observers = [
        Observer::Histogram(histograms),
        Observer::Summary(Arc::from([0.0, 50.0, 100.0])),
        Observer::Gauge,
    ];
    let terms = Terms {
        metric_type: chosen(1),
        simple_tags: chosen(2),
        timestamps: chosen(3),
        observers: observers.map(Arc::new),
        max_series: SERIES,
        windows_kept: 1,
        signals: [true, true],
    };
    let rule = Rule {
        pattern: Regex::new("^b[.]([^.]*)$").expect("a pattern"),
        scope: None,
        drop: chosen(4),
        name: "$1".to_owned(),
        labels: vec![("k".to_owned(), "$1".to_owned())],
        honor_labels: chosen(5),
        observer: None,
        scale: 0.5,
    };
    let mut window = Window::new(terms, Mapping::new(vec![rule]));
    let counters = if chosen(6) { Counters::Float } else { Counters::StochasticInt };
    let mut sent = 0;
    for round in 0..=u64::from(rounds % 3) {
        window.lines(lines, round);
        let written =
            lines.split(|byte| *byte == b'\n').filter(|line| !matches!(**line, [] | [b'\r']));
        sent += written.count() as u64;
        let dropped: u64 = window.faults.counts().map(|(_, count)| count).sum();
        assert_eq!(window.counts.lines + dropped, sent);
        assert!(window.faults.take_examples().iter().all(|(_, line)| line.is_ascii()));
        let taken = window.take();
        let frame = Frame { start: 1, end: 2, monotonic: chosen(7), counters, version: "1" };
        Payload::parse(&METRICS, metrics(taken.points, &frame)).expect("it is well-formed");
        Payload::parse(&LOGS, logs(&taken.records, "1")).expect("it is well-formed");
    }
    assert!(window.series() <= SERIES + 1000);
});
