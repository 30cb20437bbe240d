//! Whatever a line says, operators make a log record of it, a fault, or nothing.

#![no_main]

use std::sync::OnceLock;

use _kernel::payload::Payload;
use _kernel::schema::LOGS;
use _kernel::tail::entry::Entry;
use _kernel::tail::program::{Outlet, State, Tally};
use _kernel::tail::records::Records;
use _kernel::tail::rules::Rules;
use libfuzzer_sys::fuzz_target;

/// Steps that try everything on the body, of which one step's fault is not the end.
const PROGRAM: &str = include_str!("tail_operators.json");

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::read(PROGRAM).expect("the program makes sense"))
}

fuzz_target!(|data: &[u8]| {
    let [count, text @ ..] = data else { return };
    let (mut records, mut tally, mut state) = <(Records, Tally, State)>::default();
    let mut out = Outlet { records: &mut records, tally: &mut tally };
    let rules = rules();
    let mut entries = 0;
    for (number, line) in text.split(|byte| *byte == b'\n').take(usize::from(*count)).enumerate() {
        let body = rules.encoding.decode(line);
        let entry = Entry { body, number: number as u64, ..Entry::default() };
        rules.operators.run(entry, &mut state, &mut out);
        entries += 1;
    }
    rules.operators.flush(&mut state, &mut out, u64::MAX);
    assert!(state.waiting.is_empty());
    assert!(records.items <= entries);
    let request = records.take();
    if !request.is_empty() {
        let payload = Payload::parse(&LOGS, request).expect("it is well-formed");
        assert!(payload.items() <= entries);
    }
});
