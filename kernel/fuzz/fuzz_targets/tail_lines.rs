//! Whatever a file holds, it is split without an end, a gap or an overlap, in pieces as in one.

#![no_main]

use _kernel::tail::rules::Rules;
use libfuzzer_sys::fuzz_target;

const MOST: usize = 64;

const BOUNDARIES: [&str; 4] =
    [r#""newline""#, r#"{"start": "^\\d|^$|x*"}"#, r#"{"end": "END|\\n\\n"}"#, r#"{"end": "."}"#];

const ENCODINGS: [&str; 4] = ["utf-8", "utf-16le", "big5", "nop"];

fn rules(choices: u8) -> Rules {
    let boundary = BOUNDARIES[usize::from(choices % 4)];
    let encoding = ENCODINGS[usize::from(choices / 4 % 4)];
    let (omit, keep) = (choices & 16 != 0, choices & 32 != 0);
    let settings = format!(
        r#"{{"encoding": "{encoding}", "boundary": {boundary}, "omit": {omit}, "max_log_size": {MOST},
        "keep_leading": {keep}, "keep_trailing": {keep}, "attributes": {{}}, "resource": {{}},
        "record_number": false, "record_offset": false}}"#
    );
    Rules::read(&settings).expect("the settings make sense")
}

fuzz_target!(|data: &[u8]| {
    let [choices, raw @ ..] = data else { return };
    let rules = rules(*choices);
    let text = rules.encoding.splittable(raw);
    let (mut at, mut taken) = (0, 0);
    for all in [false, true] {
        while let Some((entry, next)) = rules.splitter.next(&text[at..], all, rules.encoding) {
            assert!(next > 0 && entry.start <= entry.end && entry.end <= next);
            assert!(entry.len() <= MOST);
            let _ = rules.encoding.decode(&text[at..][entry]);
            taken += rules.encoding.raw_len(&text[at..at + next]);
            at += next;
        }
    }
    assert_eq!(at, text.len(), "all of it is entries in the end");
    assert!(taken <= raw.len() && raw.len() - taken < 4, "of characters that are whole");
});
