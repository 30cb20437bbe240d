//! Snappy's block format, which remote write is compressed in.

use snap::raw::{Decoder, Encoder, decompress_len};

use crate::wire::Malformed;

/// No block gets larger than so many times: three bytes copy 64 at most.
const MAX_RATIO: usize = 32;

/// Why a request cannot be had of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    TooLarge,
    Malformed(Malformed),
}

/// The decompressed body, of at most `limit` bytes. What a block announces is only believed as far
/// as it can be.
pub fn decode(body: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let broken =
        Failure::Malformed(Malformed { offset: 0, reason: "not in Snappy's block format" });
    let Ok(announced) = decompress_len(body) else { return Err(broken) };
    if announced > limit {
        return Err(Failure::TooLarge);
    }
    if announced > body.len().saturating_mul(MAX_RATIO) {
        return Err(broken);
    }
    Decoder::new().decompress_vec(body).map_err(|_| broken)
}

/// The compressed body.
pub fn encode(body: &[u8]) -> Vec<u8> {
    Encoder::new().compress_vec(body).expect("a request is under 4 GiB")
}
