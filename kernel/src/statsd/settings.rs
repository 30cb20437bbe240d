//! What Python asks for, checked.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::{Regex, RegexBuilder};

use super::encode::Counters;
use super::mapping::{Mapping, Rule, Scope};
use super::observer::{Histograms, Observer};
use super::window::{Terms, Window};
use crate::pattern::MAX_SIZE;

/// An object of Python's with these attributes.
#[derive(FromPyObject)]
#[expect(clippy::struct_excessive_bools, reason = "options, each of which is one or not")]
pub struct Settings {
    metric_type: bool,
    simple_tags: bool,
    timestamps: bool,
    pub monotonic: bool,
    counter_type: String,
    /// Of timers, histograms and distributions.
    observers: [Observed; 3],
    rules: Vec<Ruled>,
    max_series: usize,
    windows_kept: u32,
    metrics: bool,
    logs: bool,
    pub version: String,
}

#[derive(FromPyObject)]
struct Observed {
    kind: String,
    percentiles: Vec<f64>,
    max_size: usize,
    /// Patterns of names, and bounds in order.
    explicit: Vec<(String, Vec<f64>)>,
}

#[derive(FromPyObject)]
struct Ruled {
    pattern: String,
    metric_type: Option<String>,
    drop: bool,
    name: String,
    labels: Vec<(String, String)>,
    honor_labels: bool,
    observer: Option<Observed>,
    scale: f64,
}

fn unknown(what: &str, value: &str) -> PyErr {
    PyValueError::new_err(format!("{value} is no {what}"))
}

fn regex(pattern: &str) -> PyResult<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    let built = builder.size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
    built.map_err(|error| PyValueError::new_err(error.to_string()))
}

impl Settings {
    pub fn counters(&self) -> PyResult<Counters> {
        match &*self.counter_type {
            "int" => Ok(Counters::Int),
            "stochastic_int" => Ok(Counters::StochasticInt),
            "float" => Ok(Counters::Float),
            other => Err(unknown("type of counters", other)),
        }
    }

    pub fn window(self) -> PyResult<Window> {
        let [timers, histograms, distributions] = self.observers;
        let terms = Terms {
            metric_type: self.metric_type,
            simple_tags: self.simple_tags,
            timestamps: self.timestamps,
            observers: [timers.observer()?, histograms.observer()?, distributions.observer()?],
            max_series: self.max_series,
            windows_kept: self.windows_kept,
            signals: [self.metrics, self.logs],
        };
        let rules = self.rules.into_iter().map(Ruled::rule).collect::<PyResult<_>>()?;
        Ok(Window::new(terms, Mapping::new(rules)))
    }
}

impl Observed {
    fn observer(self) -> PyResult<Arc<Observer>> {
        Ok(Arc::new(match &*self.kind {
            "gauge" => Observer::Gauge,
            "summary" => Observer::Summary(self.percentiles.into()),
            "histogram" => Observer::Histogram(self.histograms()?),
            "disabled" => Observer::Disabled,
            other => return Err(unknown("type of observer", other)),
        }))
    }

    fn histograms(self) -> PyResult<Histograms> {
        let explicit = self.explicit.into_iter().map(|(pattern, bounds)| {
            let bounds: Arc<[f64]> = bounds.into();
            Ok((regex(&pattern)?, bounds))
        });
        // Two buckets are the fewest that hold any two values of one sign, at some scale.
        Ok(Histograms {
            max_size: self.max_size.max(2),
            explicit: explicit.collect::<PyResult<_>>()?,
        })
    }
}

impl Ruled {
    fn rule(self) -> PyResult<Rule> {
        let scope = match self.metric_type.as_deref() {
            None => None,
            Some("counter") => Some(Scope::Counters),
            Some("gauge") => Some(Scope::Gauges),
            Some("observer" | "timer") => Some(Scope::Observers),
            Some(other) => return Err(unknown("type of metrics", other)),
        };
        Ok(Rule {
            pattern: regex(&self.pattern)?,
            scope,
            drop: self.drop,
            name: self.name,
            labels: self.labels,
            honor_labels: self.honor_labels,
            observer: self.observer.map(Observed::observer).transpose()?,
            scale: self.scale,
        })
    }
}
