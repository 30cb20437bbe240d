//! The lines of a series in the text formats: a sample each.

use super::exemplar::Exemplar;
use super::fault::total;
use super::number::{write_float, write_integer, write_shortest, write_value};
use super::text::{Heading, NANOS_PER_MILLI, TOTAL, Text, write_seconds};
use crate::series::histogram::Histogram;
use crate::series::value::{Summary, Totals};

/// What the lines of one series have in common.
pub struct Line<'a> {
    pub text: &'a Text,
    pub heading: &'a Heading,
    pub labels: &'a [u8],
    pub time: u64,
}

impl Line<'_> {
    pub fn number(
        &self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
        of: Option<&Exemplar>,
    ) {
        self.begin(out, if self.heading.total { TOTAL } else { "" }, None);
        write(out);
        self.end(out, of);
    }

    pub fn histogram(&self, out: &mut Vec<u8>, it: &Histogram, exemplars: Vec<Option<Exemplar>>) {
        let count = total(&it.counts, it.totals.count).unwrap_or(it.totals.count);
        let mut so_far = 0;
        for ((bound, counted), exemplar) in it.bounds.iter().zip(&it.counts).zip(&exemplars) {
            so_far += counted;
            if *bound != f64::INFINITY {
                self.bucket(out, *bound, so_far, exemplar.as_ref());
            }
        }
        self.bucket(out, f64::INFINITY, count, exemplars.last().and_then(Option::as_ref));
        self.totals(out, &Totals { count, ..it.totals }, it.bounds.first());
    }

    fn bucket(&self, out: &mut Vec<u8>, bound: f64, count: u64, exemplar: Option<&Exemplar>) {
        self.begin(out, "_bucket", Some(("le", bound)));
        write_integer(out, count);
        self.end(out, exemplar);
    }

    /// The sum and the count. `OpenMetrics` has neither where the sum may become less.
    fn totals(&self, out: &mut Vec<u8>, totals: &Totals, first_bound: Option<&f64>) {
        let may_fall = totals.sum.is_none_or(|sum| sum.is_nan() || sum < 0.0)
            || first_bound.is_some_and(|bound| *bound < 0.0);
        if self.text.open_metrics && may_fall {
            return;
        }
        if let Some(sum) = totals.sum {
            self.sample(out, "_sum", None, |out| write_value(out, sum));
        }
        self.sample(out, "_count", None, |out| write_integer(out, totals.count));
    }

    pub fn summary(&self, out: &mut Vec<u8>, it: &Summary) {
        for (at, value) in &it.quantiles {
            self.sample(out, "", Some(("quantile", *at)), |out| write_value(out, *value));
        }
        self.totals(out, &it.totals, None);
    }

    pub fn sample(
        &self,
        out: &mut Vec<u8>,
        suffix: &str,
        own: Option<(&str, f64)>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.begin(out, suffix, own);
        write(out);
        self.end(out, None);
    }

    /// Write all that is before the value; `own` is a label of the sample's.
    fn begin(&self, out: &mut Vec<u8>, suffix: &str, own: Option<(&str, f64)>) {
        if self.heading.bare {
            self.heading.write_name(out, suffix);
        }
        let mut separator = b'{';
        if !self.heading.bare {
            out.push(separator);
            self.heading.write_name(out, suffix);
            separator = b',';
        }
        if !self.labels.is_empty() {
            out.push(separator);
            out.extend_from_slice(self.labels);
            separator = b',';
        }
        if let Some((name, value)) = own {
            out.push(separator);
            out.extend_from_slice(name.as_bytes());
            out.extend(b"=\"");
            let write = if self.text.open_metrics { write_float } else { write_shortest };
            write(out, value);
            out.push(b'"');
            separator = b',';
        }
        if separator == b',' {
            out.push(b'}');
        }
        out.push(b' ');
    }

    fn end(&self, out: &mut Vec<u8>, exemplar: Option<&Exemplar>) {
        if self.text.timestamps && self.time > 0 {
            out.push(b' ');
            if self.text.open_metrics {
                write_seconds(out, self.time);
            } else {
                write_integer(out, self.time / NANOS_PER_MILLI);
            }
        }
        if let Some(exemplar) = exemplar {
            exemplar.write(out);
        }
        out.push(b'\n');
    }
}
