//! A request that is being written, in either version.

use std::sync::Arc;

use ahash::HashMap;

use super::plan::{Family, LabelSet};
use super::read::Version;
use crate::encode::write_record;
use crate::wire::{varint_len, write_fixed, write_number, write_tag, write_varint};

/// How many of what a request has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub points: usize,
    pub samples: usize,
    pub histograms: usize,
    pub exemplars: usize,
}

/// A state to go back to.
pub struct Mark {
    series: usize,
    symbols: usize,
    counts: Counts,
}

pub struct Draft {
    pub version: Version,
    series: Vec<u8>,
    symbols: Symbols,
    /// Messages of version 1 about families.
    pub metadata: Vec<u8>,
    pub counts: Counts,
}

/// Samples and what else a series has beside its labels.
#[derive(Default)]
pub struct Content {
    bytes: Vec<u8>,
    counts: Counts,
}

impl Draft {
    pub fn new(version: Version) -> Self {
        let symbols = Symbols::new();
        Self {
            version,
            series: Vec::new(),
            symbols,
            metadata: Vec::new(),
            counts: Counts::default(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Bytes of the request as it is now.
    pub fn size(&self) -> usize {
        let symbols = if self.version == Version::Two { self.symbols.size } else { 0 };
        self.metadata.len() + self.series.len() + symbols
    }

    pub fn mark(&self) -> Mark {
        let (series, symbols) = (self.series.len(), self.symbols.texts.len());
        Mark { series, symbols, counts: self.counts }
    }

    pub fn go_back(&mut self, mark: &Mark) {
        self.series.truncate(mark.series);
        self.symbols.truncate(mark.symbols);
        self.counts = mark.counts;
    }

    /// The encoding of the request.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size());
        if self.version == Version::Two {
            self.symbols.texts.iter().for_each(|text| write_record(&mut out, 4, text));
        }
        out.extend_from_slice(&self.series);
        out.extend_from_slice(&self.metadata);
        out
    }

    /// Add a series: the labels, of which one more may be `own`, its name and its content.
    pub fn add(
        &mut self,
        labels: &LabelSet,
        name: &str,
        own: Option<(&str, &str)>,
        family: &Family,
        content: &Content,
    ) {
        let mut named = Vec::new();
        let mut own = [Some(("__name__", name)), own].into_iter().flatten().peekable();
        for (name, value) in labels {
            let mut superseded = false;
            while let Some((before, value)) = own.next_if(|(own, _)| own <= name) {
                self.label(&mut named, before, value);
                superseded |= before == *name;
            }
            if !superseded {
                self.label(&mut named, name, value);
            }
        }
        own.for_each(|(name, value)| self.label(&mut named, name, value));
        self.push(named, family, content);
    }

    fn push(&mut self, labels: Vec<u8>, family: &Family, content: &Content) {
        let (number, mut body) = match self.version {
            Version::One => (1, labels),
            Version::Two => {
                let mut body = Vec::with_capacity(labels.len() + content.bytes.len() + 16);
                write_record(&mut body, 1, &labels);
                (5, body)
            }
        };
        body.extend_from_slice(&content.bytes);
        if self.version == Version::Two {
            let mut metadata = Vec::new();
            write_number(&mut metadata, 1, family.kind);
            write_number(&mut metadata, 3, self.symbols.position(family.help.as_bytes()).into());
            write_number(&mut metadata, 4, self.symbols.position(family.unit.as_bytes()).into());
            write_record(&mut body, 5, &metadata);
        }
        write_record(&mut self.series, number, &body);
        self.counts.samples += content.counts.samples;
        self.counts.histograms += content.counts.histograms;
        self.counts.exemplars += content.counts.exemplars;
    }

    fn label(&mut self, out: &mut Vec<u8>, name: &str, value: &str) {
        if self.version == Version::Two {
            write_varint(out, self.symbols.position(name.as_bytes()).into());
            write_varint(out, self.symbols.position(value.as_bytes()).into());
            return;
        }
        let len = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
        write_tag(out, 1, crate::wire::LEN);
        write_varint(out, (len(name) + len(value)) as u64);
        write_record(out, 1, name.as_bytes());
        write_record(out, 2, value.as_bytes());
    }

    /// Add a sample to the content of a series. Times are milliseconds, 0 for no start.
    pub fn sample(&self, content: &mut Content, value: f64, time: i64, start: i64) {
        let mut body = Vec::with_capacity(24);
        write_fixed(&mut body, 1, value.to_bits());
        write_number(&mut body, 2, time.cast_unsigned());
        if self.version == Version::Two && start != 0 {
            write_number(&mut body, 3, start.cast_unsigned());
        }
        write_record(&mut content.bytes, 2, &body);
        content.counts.samples += 1;
    }

    /// Add a native histogram, whose fields but those of version 2 are written.
    pub fn histogram(&self, content: &mut Content, mut fields: Vec<u8>, start: i64) {
        if self.version == Version::Two && start != 0 {
            write_number(&mut fields, 17, start.cast_unsigned());
        }
        let number = if self.version == Version::Two { 3 } else { 4 };
        write_record(&mut content.bytes, number, &fields);
        content.counts.histograms += 1;
    }

    pub fn exemplar(&mut self, content: &mut Content, labels: &LabelSet, value: f64, time: i64) {
        let mut named = Vec::new();
        for (name, value) in labels {
            self.label(&mut named, name, value);
        }
        let (number, mut body) = match self.version {
            Version::One => (3, named),
            Version::Two => {
                let mut body = Vec::new();
                write_record(&mut body, 1, &named);
                (4, body)
            }
        };
        write_fixed(&mut body, 2, value.to_bits());
        write_number(&mut body, 3, time.cast_unsigned());
        write_record(&mut content.bytes, number, &body);
        content.counts.exemplars += 1;
    }

    /// Say what family there is, as version 1 does.
    pub fn describe(&mut self, family: &Family) {
        let mut body = Vec::new();
        write_number(&mut body, 1, family.kind);
        write_record(&mut body, 2, family.name.as_bytes());
        write_record(&mut body, 4, family.help.as_bytes());
        write_record(&mut body, 5, family.unit.as_bytes());
        write_record(&mut self.metadata, 3, &body);
    }
}

/// The texts of a request of version 2, each once; the first is empty.
struct Symbols {
    positions: HashMap<Arc<[u8]>, u32>,
    texts: Vec<Arc<[u8]>>,
    size: usize,
}

impl Symbols {
    fn new() -> Self {
        let mut symbols = Self { positions: HashMap::default(), texts: Vec::new(), size: 0 };
        symbols.position(b"");
        symbols
    }

    fn position(&mut self, text: &[u8]) -> u32 {
        if let Some(position) = self.positions.get(text) {
            return *position;
        }
        let (position, text) = (self.texts.len() as u32, Arc::from(text));
        self.size += record_len(&text);
        self.positions.insert(Arc::clone(&text), position);
        self.texts.push(text);
        position
    }

    fn truncate(&mut self, len: usize) {
        for text in self.texts.drain(len..) {
            self.size -= record_len(&text);
            self.positions.remove(&text);
        }
    }
}

fn record_len(text: &[u8]) -> usize {
    1 + varint_len(text.len() as u64) + text.len()
}
