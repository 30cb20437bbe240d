//! What a target exposes for Prometheus: its formats, a table of samples, and OTLP data points.

mod cursor;
mod family;
mod histograms;
mod metrics;
mod names;
mod native;
mod numbers;
mod points;
mod protobuf;
mod samples;
mod table;
mod text;
mod texts;

pub use metrics::{Context, Parent, to_otlp};
pub use samples::Samples;
pub use table::{Limits, Table};

use crate::wire::Result;

/// How an exposition is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`, and 1.0.0, which allows any UTF-8 in names.
    Text,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
    /// `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily;
    /// encoding=delimited`.
    Protobuf,
}

impl Format {
    pub const ALL: [(&str, Self); 3] =
        [("text", Self::Text), ("openmetrics", Self::OpenMetrics), ("protobuf", Self::Protobuf)];
}

/// Read an exposition whole: one fault makes all of it worthless.
pub fn parse(format: Format, body: &[u8], limits: Limits) -> Result<Table> {
    match format {
        Format::Text | Format::OpenMetrics => text::parse(format, body, limits),
        Format::Protobuf => protobuf::parse(body, limits),
    }
}
