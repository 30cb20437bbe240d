//! Which series lines are of, however they write it.

use std::sync::Arc;

use hashbrown::HashTable;

use super::attributes::{Attributes, text};
use super::fault::Fault;
use super::line::{Kind, Line};
use super::mapping::{Mapping, Verdict};
use super::number::NANOS;
use super::observer::Observer;
use super::series::{About, Form, Held};
use super::window::Terms;
use crate::series::identity::Id;
use crate::series::table::Series;

/// Series, and how lines have written them.
pub struct Directory {
    terms: Arc<Terms>,
    mapping: Mapping,
    pub series: Series<State>,
    /// Where series are by how lines write them, which is in several ways.
    known: HashTable<Known>,
    scales: Vec<f64>,
    forms: Vec<Arc<Form>>,
    /// Places of series that are of one moment.
    timed: Vec<u32>,
    /// The number of the window.
    pub now: u32,
    scratch: Vec<u8>,
}

#[derive(Clone, Default)]
pub struct State {
    pub about: Option<Arc<About>>,
    /// The window that its values are of.
    pub window: u32,
    pub held: Held,
}

#[derive(Clone, Copy)]
struct Known {
    id: Id,
    way: Way,
}

/// Where values go, and by which of the scales they are multiplied.
#[derive(Clone, Copy)]
pub struct Way {
    pub place: u32,
    scale: u32,
}

/// Series that others are put together in, besides the limit.
const MAX_OVERFLOW: usize = 1000;

/// How lines write a series, and what series they are: as kinds of identities.
const WRITTEN: u32 = 1;
const MEANT: u32 = 2;

impl Directory {
    pub fn new(terms: Arc<Terms>, mapping: Mapping) -> Self {
        let series = Series::new(terms.max_series + MAX_OVERFLOW);
        Self {
            terms,
            mapping,
            series,
            known: HashTable::new(),
            scales: vec![1.0],
            forms: Vec::new(),
            timed: Vec::new(),
            now: 1,
            scratch: Vec::new(),
        }
    }

    pub fn scale_of(&self, way: Way) -> f64 {
        self.scales[way.scale as usize]
    }

    /// The way of a line: the one it went before, if it was written like this.
    pub fn way(&mut self, line: &Line) -> Result<Way, Fault> {
        if self.terms.timestamps && line.time.is_some() {
            return self.find_way(line);
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(line.name);
        self.scratch.extend([b'|', line.kind as u8]);
        self.scratch.extend_from_slice(line.about.tags);
        self.scratch.push(b'|');
        self.scratch.extend_from_slice(line.about.container);
        let id = Id::of(&self.scratch, WRITTEN);
        if let Some(known) = self.known.find(id.id, |known| known.id == id) {
            return Ok(known.way);
        }
        let way = self.find_way(line)?;
        if self.known.len() < 2 * self.terms.max_series {
            self.known.insert_unique(id.id, Known { id, way }, |known| known.id.id);
        }
        Ok(way)
    }

    fn find_way(&mut self, line: &Line) -> Result<Way, Fault> {
        let mut name = text(line.name)?;
        let mut attributes = Attributes::of(&line.about, self.terms.simple_tags)?;
        let verdict = self.mapping.of(name, line.kind);
        let (mut observer, mut scale) = (self.observer(line.kind), 1.0);
        match &verdict {
            Verdict::AsItIs => {}
            Verdict::Dropped => return Err(Fault::Unwanted),
            Verdict::Mapped(mapped) => {
                name = &mapped.name;
                for (key, value) in &mapped.labels {
                    if mapped.honor_labels {
                        attributes.set_default(&**key, &**value);
                    } else {
                        attributes.set(&**key, &**value);
                    }
                }
                observer = mapped.observer.clone().unwrap_or(observer);
                scale = mapped.scale;
            }
        }
        if name.is_empty() {
            return Err(Fault::Name);
        }
        if self.terms.metric_type {
            attributes.set("metric_type", line.kind.name());
        }
        let form = Form::of(line.kind, name, &observer).ok_or(Fault::Unwanted)?;
        let time = line.time.filter(|_| self.terms.timestamps).unwrap_or(0) * NANOS;
        Ok(Way { place: self.place(name, &attributes, form, time)?, scale: self.scale(scale) })
    }

    fn observer(&self, kind: Kind) -> Arc<Observer> {
        let [timers, histograms, distributions] = &self.terms.observers;
        Arc::clone(match kind {
            Kind::Histogram => histograms,
            Kind::Distribution => distributions,
            _ => timers,
        })
    }

    fn scale(&mut self, scale: f64) -> u32 {
        let known = self.scales.iter().position(|it| it.to_bits() == scale.to_bits());
        let at = known.unwrap_or_else(|| {
            self.scales.push(scale);
            self.scales.len() - 1
        });
        at as u32
    }

    /// The place of a series, or where it is told of that is one too many.
    fn place(
        &mut self,
        name: &str,
        attributes: &Attributes,
        form: Form,
        time: u64,
    ) -> Result<u32, Fault> {
        let overflow = match self.place_of(name, attributes, &form, time, false) {
            Some(place) => return Ok(place),
            None if !form.adds_up() => return Err(Fault::SeriesLimit),
            None => {
                let mut overflow = Attributes::default();
                overflow.set("otel.metric.overflow", "true");
                overflow
            }
        };
        self.place_of(name, &overflow, &form, 0, true).ok_or(Fault::SeriesLimit)
    }

    fn place_of(
        &mut self,
        name: &str,
        attributes: &Attributes,
        form: &Form,
        time: u64,
        overflow: bool,
    ) -> Option<u32> {
        let mut written = Vec::new();
        attributes.write(&mut written, form.point().1);
        let id = identity(name, &written, form, time);
        if let Some(place) = self.series.peek(id) {
            return Some(place);
        }
        if !overflow && self.series.len() >= self.terms.max_series {
            return None;
        }
        let about = About::new(name, &written, self.shared(form), time, overflow);
        let state = State { about: Some(Arc::new(about)), ..State::default() };
        let place = self.series.insert(id, self.now, state)?;
        if time != 0 {
            self.timed.push(place);
        }
        Some(place)
    }

    /// The form as others have it.
    fn shared(&mut self, form: &Form) -> Arc<Form> {
        if let Some(known) = self.forms.iter().find(|known| ***known == *form) {
            return Arc::clone(known);
        }
        self.forms.push(Arc::new(form.clone()));
        Arc::clone(&self.forms[self.forms.len() - 1])
    }

    /// Let go of series that have not been seen for long, and of those of one moment.
    pub fn forget(&mut self) {
        let before = self.series.len();
        for place in self.timed.drain(..) {
            self.series.remove(place);
        }
        let oldest = self.now.saturating_sub(self.terms.windows_kept);
        self.series.expire(oldest, |_, _| {});
        if self.series.len() < before {
            self.known.clear();
        }
    }
}

/// What makes it this series: its name, type, attributes and time.
fn identity(name: &str, attributes: &[u8], form: &Form, time: u64) -> Id {
    let mut bytes = Vec::with_capacity(name.len() + attributes.len() + 16);
    bytes.push(form.tag());
    bytes.extend_from_slice(&time.to_le_bytes());
    bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(attributes);
    Id::of(&bytes, MEANT)
}
