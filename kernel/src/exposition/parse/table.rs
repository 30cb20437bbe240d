//! The samples of one exposition, their texts once each.

use std::mem;
use std::ops::Range;

use ahash::HashMap;

use super::family::Family;
use super::native::Native;
use super::texts::{Code, EMPTY, NAME, Texts};
use crate::wire::{Result, malformed};

/// No time, no histogram.
pub const NO_TIME: i64 = i64::MIN;
pub const NO_NATIVE: u32 = u32::MAX;

/// What a table may hold, and what it is to take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub samples: usize,
    /// Whether native histograms are wanted; else their classic buckets are.
    pub native: bool,
    /// Whether classic buckets are wanted of what also has native ones.
    pub classic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    pub name: Code,
    pub value: Code,
}

#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Where its labels end in those of the table; they begin where those of the one before end.
    pub labels_end: u32,
    pub native: u32,
    pub value: f64,
    /// Unix nanoseconds, if the target said so.
    pub time: i64,
}

#[derive(Clone, Debug)]
pub struct Exemplar {
    pub sample: u32,
    pub labels: Vec<Label>,
    pub value: f64,
    pub time: i64,
}

pub struct Table {
    pub texts: Texts,
    pub families: HashMap<Code, Family>,
    pub samples: Vec<Sample>,
    /// Those of all samples, the metric's name among them.
    pub labels: Vec<Label>,
    /// In the order of their samples.
    pub exemplars: Vec<Exemplar>,
    /// When what a sample counts began, in Unix nanoseconds, in the order of the samples.
    pub starts: Vec<(u32, u64)>,
    pub natives: Vec<Native>,
    limits: Limits,
    /// To look for repeated names in.
    seen: Vec<Code>,
}

impl Table {
    pub fn new(limits: Limits) -> Self {
        let mut texts = Texts::default();
        assert_eq!((texts.code(""), texts.code("__name__")), (EMPTY, NAME));
        Self {
            texts,
            families: HashMap::default(),
            samples: Vec::new(),
            labels: Vec::new(),
            exemplars: Vec::new(),
            starts: Vec::new(),
            natives: Vec::new(),
            limits,
            seen: Vec::new(),
        }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub fn label(&mut self, name: &str, value: &str) {
        let (name, value) = (self.texts.code(name), self.texts.code(value));
        self.labels.push(Label { name, value });
    }

    /// End a sample, whose labels are those since the end of the one before. `offset` is where it
    /// stands in the payload.
    pub fn sample(&mut self, value: f64, time: i64, native: u32, offset: usize) -> Result<()> {
        if self.samples.len() == self.limits.samples {
            return malformed(offset, "there are more samples than are allowed");
        }
        let first = self.samples.last().map_or(0, |sample| sample.labels_end as usize);
        if self.has_repeated_names(first) {
            return malformed(offset, "a sample has a label twice");
        }
        // Of several kinds of NaN one says that a series is stale, which is not for targets to say.
        let value = if value.is_nan() { f64::NAN } else { value };
        let labels_end = self.labels.len() as u32;
        self.samples.push(Sample { labels_end, native, value, time });
        Ok(())
    }

    fn has_repeated_names(&mut self, first: usize) -> bool {
        self.seen.clear();
        self.seen.extend(self.labels[first..].iter().map(|label| label.name));
        self.seen.sort_unstable();
        self.seen.windows(2).any(|pair| pair[0] == pair[1])
    }

    pub fn range(&self, sample: usize) -> Range<usize> {
        let before = sample.checked_sub(1).map_or(0, |before| self.samples[before].labels_end);
        before as usize..self.samples[sample].labels_end as usize
    }

    pub fn labels_of(&self, sample: usize) -> &[Label] {
        &self.labels[self.range(sample)]
    }

    pub fn value_of(&self, sample: usize, name: Code) -> Code {
        let found = self.labels_of(sample).iter().find(|label| label.name == name);
        found.map_or(EMPTY, |label| label.value)
    }

    /// Give every sample labels made of those that it has.
    fn relabel(&mut self, mut of: impl FnMut(usize, &[Label], &mut Vec<Label>)) {
        let old = mem::take(&mut self.labels);
        let mut new = Vec::with_capacity(old.len());
        let mut start = 0;
        for (i, sample) in self.samples.iter_mut().enumerate() {
            let end = sample.labels_end as usize;
            of(i, &old[start..end], &mut new);
            start = end;
            sample.labels_end = new.len() as u32;
        }
        self.labels = new;
    }

    /// Give every sample the labels of its target. What a sample has under the same name comes first
    /// with `honor`; else it is moved to a name with `exported_` in front.
    pub fn attach(&mut self, target: &[(String, String)], honor: bool) {
        let target: Vec<Label> = target
            .iter()
            .map(|(name, value)| Label {
                name: self.texts.code(name),
                value: self.texts.code(value),
            })
            .collect();
        let mut texts = mem::take(&mut self.texts);
        self.relabel(|_, own, out| {
            let known = |name| target.iter().any(|label| label.name == name);
            if honor {
                out.extend_from_slice(own);
                let missing =
                    target.iter().filter(|label| own.iter().all(|o| o.name != label.name));
                out.extend(missing);
                return;
            }
            let taken = |name| known(name) || own.iter().any(|label| label.name == name);
            for label in own {
                let mut name = label.name;
                while label.value != EMPTY && known(label.name) && taken(name) {
                    name = texts.code(&format!("exported_{}", texts.get(name)));
                }
                if !known(name) {
                    out.push(Label { name, value: label.value });
                }
            }
            out.extend_from_slice(&target);
        });
        self.texts = texts;
    }

    /// Give every sample a value for a label, by its code; the empty text takes the label away.
    pub fn set(&mut self, name: &str, codes: &[u32], values: &[String]) {
        let name = self.texts.code(name);
        let values: Vec<Code> = values.iter().map(|value| self.texts.code(value)).collect();
        self.relabel(|i, own, out| {
            out.extend(own.iter().filter(|label| label.name != name));
            match values[codes[i] as usize] {
                EMPTY => {}
                value => out.push(Label { name, value }),
            }
        });
    }

    /// Keep the samples where `keep` is true.
    pub fn keep(&mut self, keep: &[bool]) {
        self.relabel(|i, own, out| {
            if keep[i] {
                out.extend_from_slice(own);
            }
        });
        let mut place = 0;
        let places: Vec<u32> = keep
            .iter()
            .map(|keep| {
                place += u32::from(*keep);
                place.wrapping_sub(1)
            })
            .collect();
        let mut i = 0;
        self.samples.retain(|_| {
            i += 1;
            keep[i - 1]
        });
        self.exemplars.retain_mut(|exemplar| moved(&mut exemplar.sample, keep, &places));
        self.starts.retain_mut(|(sample, _)| moved(sample, keep, &places));
    }
}

fn moved(sample: &mut u32, keep: &[bool], places: &[u32]) -> bool {
    let old = mem::replace(sample, places[*sample as usize]);
    keep[old as usize]
}
