//! Exemplars: one observation each, with the trace that it was made in.

use std::iter;

use super::number::{write_shortest, write_value};
use super::text::write_seconds;
use crate::encoding;
use crate::merge::merge;
use crate::scalar::{Scalar, read};
use crate::schema::EXEMPLAR;
use crate::wire::varint;

#[derive(Clone, Debug, Default)]
pub struct Exemplar {
    pub value: f64,
    /// Unix nanoseconds, 0 for unknown.
    pub time: u64,
    /// Hex; empty for none.
    pub trace_id: String,
    pub span_id: String,
}

/// Read what `Shown::keep_exemplars` wrote.
pub fn exemplars(kept: Option<&[u8]>) -> impl Iterator<Item = Exemplar> {
    let kept = kept.unwrap_or_default();
    let mut pos = 0;
    iter::from_fn(move || {
        let len = varint(kept, &mut pos, kept.len()).ok()? as usize;
        pos += len;
        kept.get(pos - len..pos).map(exemplar)
    })
}

fn exemplar(body: &[u8]) -> Exemplar {
    let mut found = Exemplar::default();
    for part in merge(&EXEMPLAR, iter::once(body)) {
        match (part.field.name, read(part.field.kind, part.data)) {
            ("time_unix_nano", Scalar::Unsigned(time)) => found.time = time,
            ("as_double", Scalar::Double(value)) => found.value = value,
            ("as_int", Scalar::Signed(value)) => found.value = value as f64,
            ("trace_id", Scalar::Id(id)) => found.trace_id = hex(id),
            ("span_id", Scalar::Id(id)) => found.span_id = hex(id),
            _ => {}
        }
    }
    found
}

fn hex(id: &[u8]) -> String {
    let mut out = Vec::new();
    encoding::write_hex(&mut out, id);
    String::from_utf8(out).unwrap_or_default()
}

impl Exemplar {
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [("span_id", self.span_id.as_str()), ("trace_id", &self.trace_id)];
        all.into_iter().filter(|(_, id)| !id.is_empty())
    }

    /// Write it after the value of an `OpenMetrics` sample.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(b" # {");
        for (i, (name, id)) in self.labels().enumerate() {
            out.extend(if i > 0 { &b","[..] } else { b"" });
            out.extend(format!("{name}=\"{id}\"").bytes());
        }
        out.extend(b"} ");
        if self.value.is_finite() {
            write_value(out, self.value);
        } else {
            write_shortest(out, self.value);
        }
        if self.time > 0 {
            out.push(b' ');
            write_seconds(out, self.time);
        }
    }
}

/// Of exemplars, the last one for each bucket of such upper bounds, the last being over them all.
pub fn by_bucket(all: impl Iterator<Item = Exemplar>, bounds: &[f64]) -> Vec<Option<Exemplar>> {
    let mut buckets = vec![None; bounds.len() + 1];
    for exemplar in all {
        let bucket = bounds.partition_point(|bound| *bound < exemplar.value);
        buckets[bucket] = Some(exemplar);
    }
    buckets
}
