//! What is wrong with a line, and how often which was.

/// Why a line, or what it says, was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Format,
    Name,
    Value,
    NotFinite,
    Type,
    Rate,
    Tag,
    Timestamp,
    Section,
    Encoding,
    Event,
    ServiceCheck,
    TooLong,
    Truncated,
    /// A rule says so, or no observer is there for its type.
    Unwanted,
    /// No pipeline takes what it would become.
    NoPipeline,
    /// There is no room for another series.
    SeriesLimit,
    /// There is no room for more of what is passed on one by one.
    ItemLimit,
}

/// Names by number.
pub const FAULTS: [(&str, Fault); 18] = [
    ("format", Fault::Format),
    ("name", Fault::Name),
    ("value", Fault::Value),
    ("not_finite", Fault::NotFinite),
    ("type", Fault::Type),
    ("rate", Fault::Rate),
    ("tag", Fault::Tag),
    ("timestamp", Fault::Timestamp),
    ("section", Fault::Section),
    ("encoding", Fault::Encoding),
    ("event", Fault::Event),
    ("service_check", Fault::ServiceCheck),
    ("too_long", Fault::TooLong),
    ("truncated", Fault::Truncated),
    ("unwanted", Fault::Unwanted),
    ("no_pipeline", Fault::NoPipeline),
    ("series_limit", Fault::SeriesLimit),
    ("item_limit", Fault::ItemLimit),
];

/// Bytes of a line that are shown.
const SHOWN: usize = 80;

/// Lines that were dropped, by reason.
#[derive(Default)]
pub struct Faults {
    counts: [u64; FAULTS.len()],
    /// The first line of each reason since somebody asked, made printable.
    examples: [Option<String>; FAULTS.len()],
}

impl Faults {
    pub fn note(&mut self, fault: Fault, line: &[u8]) {
        self.counts[fault as usize] += 1;
        let shown = || line[..line.len().min(SHOWN)].escape_ascii().to_string();
        self.examples[fault as usize].get_or_insert_with(shown);
    }

    /// How many lines were dropped for each reason.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FAULTS.iter().map(|(name, fault)| (*name, self.counts[*fault as usize]))
    }

    /// Take an example of each reason that was there since the last time.
    pub fn take_examples(&mut self) -> Vec<(&'static str, String)> {
        let names = FAULTS.iter().map(|(name, _)| *name);
        names.zip(&mut self.examples).filter_map(|(name, it)| Some((name, it.take()?))).collect()
    }
}
