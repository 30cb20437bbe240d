//! What a request's head says.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderMap, HeaderName};
use http::request::Parts;
use http::{StatusCode, Version};

use super::answer::{Code, Dialect, Turned, turn_away};
use super::decompress::{self, Encoding};
use super::event::Event;

/// Bytes of a request's headers.
const MAX_HEADERS: usize = 64 * 1024;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

pub fn dialect(head: &Parts) -> Dialect {
    let content_type = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    match media_type.trim_ascii().to_ascii_lowercase().as_slice() {
        b"application/x-protobuf" => Dialect::Protobuf,
        b"application/json" => Dialect::Json,
        b"application/grpc" | b"application/grpc+proto" if head.version == Version::HTTP_2 => {
            Dialect::Grpc
        }
        _ => Dialect::Text,
    }
}

pub fn encoding(dialect: Dialect, headers: &HeaderMap) -> Turned<Encoding> {
    let name = if dialect == Dialect::Grpc { GRPC_ENCODING } else { CONTENT_ENCODING };
    let mut values = headers.get_all(&name).iter();
    let (first, second) = (values.next(), values.next());
    let value = first.map_or(Some(""), |value| value.to_str().ok());
    match value.and_then(|text| Encoding::by_name(&text.to_ascii_lowercase())) {
        Some(encoding) if second.is_none() => Ok(encoding),
        _ => turn_away(
            Event::UnsupportedEncoding,
            Code::Unimplemented,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("{name} is none of {}", decompress::ACCEPTED),
        ),
    }
}

/// Heads are counted as HTTP/2 does (RFC 9113, section 6.5.2).
pub fn check_size(head: &Parts) -> Turned<()> {
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    if fields.sum::<usize>() <= MAX_HEADERS {
        return Ok(());
    }
    turn_away(
        Event::HeaderTooLarge,
        Code::ResourceExhausted,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("the headers are over {MAX_HEADERS} bytes"),
    )
}

/// Whether a body arrives on an HTTP/1 connection without waiting for our word.
pub fn is_sent_unasked(head: &Parts) -> bool {
    head.version < Version::HTTP_2 && !head.headers.contains_key(EXPECT)
}
