//! What a target says of all samples of a metric.

use super::texts::Code;

/// The types of metrics that Prometheus has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl Kind {
    /// By the names of `OpenMetrics`, and of the older text format.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"unknown" | b"untyped" => Self::Unknown,
            b"counter" => Self::Counter,
            b"gauge" => Self::Gauge,
            b"histogram" => Self::Histogram,
            b"gaugehistogram" => Self::GaugeHistogram,
            b"summary" => Self::Summary,
            b"info" => Self::Info,
            b"stateset" => Self::StateSet,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// What is said of all samples of a family.
#[derive(Clone, Copy, Debug, Default)]
pub struct Family {
    pub kind: Kind,
    pub help: Code,
    pub unit: Code,
}
