//! No encoding gives more than its limit, whatever the bytes say.

#![no_main]

use _kernel::intake::decompress::Encoding;
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [Encoding; 4] =
    [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd];

fuzz_target!(|data: &[u8]| {
    let [first, limit, body @ ..] = data else { return };
    let limit = usize::from(*limit) << 8;
    if let Ok(out) = ENCODINGS[*first as usize % ENCODINGS.len()].decode(body.to_vec(), limit) {
        assert!(out.len() <= limit);
    }
});
