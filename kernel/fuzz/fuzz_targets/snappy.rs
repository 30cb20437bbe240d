//! No block of Snappy's gives more than its limit, whatever the bytes say.

#![no_main]

use _kernel::remote_write::snappy::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [limit, body @ ..] = data else { return };
    let limit = usize::from(*limit) << 8;
    if let Ok(out) = decode(body, limit) {
        assert!(out.len() <= limit);
    }
});
