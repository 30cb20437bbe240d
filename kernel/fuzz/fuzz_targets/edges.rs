//! Whatever spans come in whatever order, what waits stays within its limit, no side is held that
//! nobody needs, and in the end nothing is left.

#![no_main]

use _kernel::edges::calls::Calls;
use _kernel::edges::read::{Wanted, take};
use _kernel::payload::Payload;
use _kernel::schema::TRACES;
use fuzzing::Input;
use libfuzzer_sys::fuzz_target;

/// So few that inputs reach it.
const LIMIT: usize = 4;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let [virtual_nodes, pieces, longest, times @ ..] = input.choices;
    let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let wanted = Wanted::new(
        &keys(&["http.method", "db.name"]),
        &keys(&["db.name"]),
        &keys(&["peer.service", "db.name"]),
        longest.into(),
    );
    let mut calls = Calls::new(LIMIT, 2, virtual_nodes % 2 == 0);
    let size = input.rest.len() / (1 + pieces as usize % 4) + 1;
    let mut now = 0;
    for (bytes, time) in input.rest.chunks(size).zip(times) {
        let Ok(payload) = Payload::parse(&TRACES, bytes.to_vec()) else { continue };
        now += u64::from(time % 4);
        let mut met = Vec::new();
        take(&mut calls, &wanted, &payload, now, &mut met);
        calls.expire(now, &mut met);
        calls.release(&met);
        assert!(calls.len() <= LIMIT);
        assert!(calls.sides.len() <= 2 * calls.len());
    }
    let mut left = Vec::new();
    calls.expire(u64::MAX, &mut left);
    calls.release(&left);
    assert!(calls.is_empty());
    assert!(calls.sides.is_empty());
});
