//! A span as Zipkin has it. Times are microseconds, and 0 where they are not known.

use std::net::IpAddr;

use crate::tail::value::{Map, Text};

#[derive(Default)]
pub struct Span<'a> {
    pub trace_id: [u8; 16],
    pub id: [u8; 8],
    /// Zeros where there is none.
    pub parent: [u8; 8],
    /// A place in `KINDS`.
    pub kind: usize,
    pub name: Text<'a>,
    pub timestamp: u64,
    pub duration: u64,
    pub local: Endpoint<'a>,
    pub remote: Endpoint<'a>,
    pub annotations: Vec<(u64, Text<'a>)>,
    /// Texts.
    pub tags: Map<'a>,
}

#[derive(Default, PartialEq)]
pub struct Endpoint<'a> {
    pub service: Text<'a>,
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// The names of the kinds, by their numbers in protobuf.
pub const KINDS: [&str; 5] = ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];

/// The kinds of OTLP, by the same numbers.
pub const OTLP_KINDS: [u64; 5] = [0, 3, 2, 4, 5];
