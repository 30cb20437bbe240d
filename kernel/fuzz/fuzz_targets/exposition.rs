//! Whatever metrics come, what is exposed can be written in every format.

#![no_main]

use _kernel::exposition::catalog::{Answer, Catalog};
use _kernel::exposition::family::Kind;
use _kernel::exposition::names::Escaping;
use _kernel::exposition::protobuf::Protobuf;
use _kernel::exposition::scrape::{Format, Moment, Scrape};
use _kernel::exposition::source::Origin;
use _kernel::exposition::store::{Now, Outcome, Store};
use _kernel::exposition::text::Text;
use _kernel::exposition::view::View;
use _kernel::payload::Payload;
use _kernel::schema::METRICS;
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let Ok(payload) = Payload::parse(&METRICS, input.rest.to_vec()) else { return };
    let mut store = Store::new(Catalog::new("target_info", "", 8), 8);
    let views = [View::of(&payload)];
    for (tick, delta) in input.choices.iter().take(3).zip([false, true, true]) {
        let now = Now { tick: u32::from(*tick), wall: u64::from(*tick) };
        name_all(&mut store, &views, now, delta);
        let mut outcome = Outcome::default();
        store.take_all(&views[0], now, &mut outcome);
        assert!(outcome.dropped.iter().sum::<u64>() <= payload.items() as u64);
        write_all(&store);
        store.expire(u32::from(input.choices[3]));
        let (all, shown) = store.counts();
        assert!(shown <= all && all <= 8);
    }
});

fn name_all(store: &mut Store, views: &[View], now: Now, delta: bool) {
    let Some(unknown) = store.unknown(views) else { return };
    for (key, ([name, unit, help, data, _], _, monotonic)) in unknown.metrics {
        let kind = match data.as_str() {
            "gauge" => Kind::Gauge,
            "sum" if monotonic => Kind::Counter,
            "sum" => Kind::Unknown,
            "summary" => Kind::Summary,
            _ => Kind::Histogram,
        };
        let answer = Answer::Family { kind, help, unit, delta };
        store.catalog.name_metric(key, &name, answer, now);
    }
    for (key, _) in unknown.origins {
        store.catalog.name_origin(key, Origin::default(), now);
    }
    for label in unknown.labels {
        store.catalog.name_label(label.clone(), &label);
    }
    assert!(store.unknown(views).is_none(), "what was named is known");
}

fn write_all(store: &Store) {
    let escapings = [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];
    for escaping in escapings {
        let text = |open_metrics| Format::Text(Text { open_metrics, escaping, timestamps: true });
        for format in
            [text(false), text(true), Format::Protobuf(Protobuf { escaping, timestamps: true })]
        {
            let is_text = matches!(format, Format::Text(_));
            let mut scrape = Scrape::new(Moment::of(store), format, false);
            loop {
                let piece = scrape.more(100);
                if piece.is_empty() {
                    break;
                }
                assert!(!is_text || piece.ends_with(b"\n"));
                assert!(!is_text || str::from_utf8(&piece).is_ok());
            }
        }
    }
}
