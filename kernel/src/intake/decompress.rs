//! Undo a request's compression, never beyond a limit and never with a window over 8 MiB.

use std::io::Read;

use crate::pool;
use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// A request body's encoding, by the names of HTTP's `Content-Encoding` and gRPC's `grpc-encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

/// What a receiver tells a client that it can take.
pub const ACCEPTED: &str = "gzip, zstd, deflate, identity";

/// RFC 9659: an HTTP endpoint need not take windows over 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Room that is taken for output before anything is known about its size.
const FIRST_BUFFER: usize = 64 * 1024;

pub enum Failure {
    /// The bytes are not of that encoding.
    Broken,
    TooLarge,
}

impl Encoding {
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "" | "identity" => Some(Self::Identity),
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The decompressed body, of at most `limit` bytes; counted while it is written.
    pub fn decode(self, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Identity if body.len() > limit => Err(Failure::TooLarge),
            Self::Identity => Ok(body),
            Self::Gzip => read_all(MultiGzDecoder::new(body.as_slice()), &body, limit),
            Self::Deflate => {
                let mut decoder = ZlibDecoder::new(body.as_slice());
                let out = read_all(&mut decoder, &body, limit)?;
                // It stops at the end of its stream, whatever follows; the others do not.
                let is_whole = decoder.total_in() == body.len() as u64;
                if is_whole { Ok(out) } else { Err(Failure::Broken) }
            }
            Self::Zstd => {
                let mut decoder =
                    zstd::Decoder::with_buffer(body.as_slice()).map_err(|_| Failure::Broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| Failure::Broken)?;
                read_all(decoder, &body, limit)
            }
        }
    }
}

fn read_all(reader: impl Read, body: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let likely = body.len().saturating_mul(8).clamp(FIRST_BUFFER, limit.max(FIRST_BUFFER));
    let mut out = pool::take(likely.min(4 << 20));
    let mut reader = reader.take(limit as u64 + 1);
    reader.read_to_end(&mut out).map_err(|_| Failure::Broken)?;
    if out.len() > limit { Err(Failure::TooLarge) } else { Ok(out) }
}
