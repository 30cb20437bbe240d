//! Histograms of the protobuf format, with classic buckets, native ones, or both.

use super::native::{Native, Side, Span};
use super::protobuf::{Reader, Totals};
use crate::scalar::{Scalar, elements};
use crate::schema;
use crate::wire::{Field, Result};

impl Reader<'_> {
    pub fn histogram(&mut self, name: &str, field: &Field, time: i64) -> Result<()> {
        let fields = self.inside(field)?;
        let (mut totals, mut native) = (Totals::default(), Native::default());
        for part in &fields {
            match part.number {
                1 => totals.count = self.natural(part) as f64,
                2 => totals.sum = self.double(part),
                4 if self.double(part) > 0.0 => totals.count = self.double(part),
                15 => totals.start = self.timestamp(part)?,
                _ => self.native(&mut native, part)?,
            }
        }
        let limits = self.table.limits();
        let is_native = limits.native && native.is_some();
        if is_native {
            native.count = totals.count as u64;
            native.sum = totals.sum;
            self.native_sample(name, native, &totals, time, field)?;
        }
        if !is_native || limits.classic {
            for part in fields.iter().filter(|part| part.number == 3) {
                self.bucket(name, part, time)?;
            }
            self.totals(name, &totals, time, field.tag)?;
        }
        Ok(())
    }

    fn bucket(&mut self, name: &str, bucket: &Field, time: i64) -> Result<()> {
        let sample = self.table.samples.len() as u32;
        let (mut limit, mut count) = (0.0, 0.0);
        for part in self.inside(bucket)? {
            match part.number {
                1 => count = self.natural(&part) as f64,
                2 => limit = self.double(&part),
                3 => self.exemplar(sample, &part)?,
                4 if self.double(&part) > 0.0 => count = self.double(&part),
                _ => {}
            }
        }
        self.sample([name, "_bucket"], Some(("le", limit)), count, time, bucket.tag)
    }

    fn native(&self, native: &mut Native, part: &Field) -> Result<()> {
        match part.number {
            5 => native.schema = self.signed(part),
            6 => native.zero_threshold = self.double(part),
            7 => native.zero_count = self.natural(part),
            8 if self.double(part) > 0.0 => native.zero_count = self.double(part) as u64,
            9 => native.negative.spans.push(self.span(part)?),
            12 => native.positive.spans.push(self.span(part)?),
            10 => self.deltas(&mut native.negative, part),
            13 => self.deltas(&mut native.positive, part),
            11 => self.counts(&mut native.negative, part),
            14 => self.counts(&mut native.positive, part),
            _ => {}
        }
        Ok(())
    }

    fn span(&self, field: &Field) -> Result<Span> {
        let mut span = Span::default();
        for part in self.inside(field)? {
            match part.number {
                1 => span.offset = self.signed(&part),
                2 => span.length = self.natural(&part) as u32,
                _ => {}
            }
        }
        Ok(span)
    }

    fn deltas(&self, side: &mut Side, field: &Field) {
        let values = self.elements(schema::Kind::Uint64, field);
        side.deltas.extend(values.map(|raw| (raw >> 1).cast_signed() ^ -((raw & 1).cast_signed())));
    }

    fn counts(&self, side: &mut Side, field: &Field) {
        side.counts.extend(self.elements(schema::Kind::Fixed64, field).map(f64::from_bits));
    }

    /// The values of a repeated field: one, or several if it is packed.
    fn elements(&self, kind: schema::Kind, field: &Field) -> impl Iterator<Item = u64> {
        let data = &self.body[field.body..field.end];
        elements(kind, data).map(|value| match value {
            Scalar::Unsigned(value) => value,
            _ => 0,
        })
    }

    fn native_sample(
        &mut self,
        name: &str,
        native: Native,
        totals: &Totals,
        time: i64,
        field: &Field,
    ) -> Result<()> {
        let sample = self.table.samples.len() as u32;
        for part in self.inside(field)? {
            if part.number == 16 {
                self.exemplar(sample, &part)?;
            }
        }
        if let Some(start) = totals.start {
            self.table.starts.push((sample, start));
        }
        let place = self.table.natives.len() as u32;
        self.table.natives.push(native);
        self.table.label("__name__", name);
        self.table.labels.extend_from_slice(&self.base);
        self.table.sample(totals.count, time, place, field.tag)
    }
}
