//! What becomes of the values of timers, histograms and distributions.

use std::sync::Arc;

use regex::Regex;

/// How values are told of.
#[derive(Clone, Debug)]
pub enum Observer {
    /// One by one.
    Gauge,
    /// By percentiles.
    Summary(Arc<[f64]>),
    Histogram(Histograms),
    Disabled,
}

/// Explicit histograms of metrics whose names are found, exponential ones of all others.
#[derive(Clone, Debug)]
pub struct Histograms {
    pub max_size: usize,
    pub explicit: Vec<(Regex, Arc<[f64]>)>,
}

impl Histograms {
    /// The bounds for a metric that has an explicit histogram.
    pub fn bounds(&self, name: &str) -> Option<Arc<[f64]>> {
        let found = self.explicit.iter().find(|(pattern, _)| pattern.is_match(name));
        found.map(|(_, bounds)| Arc::clone(bounds))
    }
}
