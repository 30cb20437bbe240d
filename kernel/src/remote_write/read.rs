//! A request that was received: what its series are of, before anybody decides what to make of it.

use super::labels::{self, Label, Symbols, inside};
use super::messages::{REQUEST_1, REQUEST_2};
use crate::check::Checker;
use crate::distinct::Distinct;
use crate::wire::{Fields, LEN, Malformed, VARINT, malformed};

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    #[default]
    One,
    Two,
}

impl Version {
    pub fn numbered(number: u8) -> Self {
        if number == 1 { Self::One } else { Self::Two }
    }
}

/// Who series are from, by the labels `job` and `instance`, and what `target_info` says of it.
#[derive(Debug, Default, PartialEq)]
pub struct Target {
    pub job: String,
    pub instance: String,
    pub info: Option<Vec<(String, String)>>,
}

/// What a request says of a metric. Version 1 says it apart from the series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metric {
    pub name: String,
    /// A number of `MetricType`, 0 for unknown.
    pub kind: u64,
    pub help: String,
    pub unit: String,
}

/// A series: its message, and the places of its target, its scope and its metric among all.
pub struct Series {
    pub body: std::ops::Range<usize>,
    pub target: u32,
    pub scope: u32,
    pub metric: u32,
    /// When it began, in milliseconds, by the field that rc.3 had for it; 0 for unknown.
    pub start: i64,
}

/// A request that has been checked.
pub struct Request {
    pub bytes: Vec<u8>,
    pub version: Version,
    pub series: Vec<Series>,
    pub targets: Vec<Target>,
    /// The labels that tell scopes apart.
    pub scopes: Vec<Vec<(String, String)>>,
    pub metrics: Vec<Metric>,
    pub metadata: Vec<Metric>,
    /// Series that break the protocol, and what is wrong with the first.
    pub faults: usize,
    pub fault: Option<&'static str>,
}

/// Labels that begin so are of the scope.
pub const SCOPE: &[u8] = b"otel_scope_";

const TARGET_INFO: &[u8] = b"target_info";

impl Request {
    /// Check and read a request that is not compressed any more. Its series may have `limit` bytes
    /// of labels, counted wherever they are referred to: a text of version 2 may be so by thousands.
    pub fn read(version: Version, bytes: Vec<u8>, limit: usize) -> Result<Self, Malformed> {
        if u32::try_from(bytes.len()).is_err() {
            return malformed(0, "a request is over 4 GiB");
        }
        let message = if version == Version::One { &REQUEST_1 } else { &REQUEST_2 };
        Checker::default().check(&bytes, 0, bytes.len(), message, 0)?;
        let mut reader = Reader { version, room: limit, ..Reader::default() };
        reader.read(&bytes)?;
        let Reader { series, targets, scopes, metrics, metadata, faults, fault, .. } = reader;
        let targets = targets.into_iter().map(Found::owned).collect();
        let scopes = scopes.values.iter().map(|pairs| owned(pairs)).collect();
        let metrics = metrics.values.into_iter().map(said).collect();
        let metadata = metadata.into_iter().map(said).collect();
        Ok(Self { bytes, version, series, targets, scopes, metrics, metadata, faults, fault })
    }
}

/// Name, type, help and unit.
type Said<'a> = (&'a [u8], u64, &'a [u8], &'a [u8]);

#[derive(Default)]
struct Found<'a> {
    job: &'a [u8],
    instance: &'a [u8],
    info: Option<Vec<Label<'a>>>,
}

#[derive(Default)]
struct Reader<'a> {
    version: Version,
    room: usize,
    symbols: Option<Symbols<'a>>,
    series: Vec<Series>,
    places: Distinct<(&'a [u8], &'a [u8])>,
    targets: Vec<Found<'a>>,
    scopes: Distinct<Vec<Label<'a>>>,
    metrics: Distinct<Said<'a>>,
    metadata: Vec<Said<'a>>,
    faults: usize,
    fault: Option<&'static str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let records = || Fields::new(bytes).filter(|field| field.wire_type == LEN);
        let (series, texts) = if self.version == Version::One { (1, 3) } else { (5, 4) };
        if self.version == Version::Two {
            let symbols = records().filter(|field| field.number == texts);
            self.symbols = Some(Symbols(symbols.map(|field| inside(bytes, &field)).collect()));
        } else {
            let metadata = records().filter(|field| field.number == texts);
            self.metadata.extend(metadata.map(|field| metadata_1(inside(bytes, &field))));
        }
        let mut labels = Vec::new();
        for field in records().filter(|field| field.number == series) {
            let body = field.body..field.end;
            let (message, at) = (&bytes[body.clone()], body.start);
            let refers = labels::read(&mut labels, self.symbols.as_ref(), message);
            let size: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
            let Some(room) = self.room.checked_sub(size) else {
                return malformed(at, "the labels of its series are too long together");
            };
            self.room = room;
            let read = refers.ok_or("a series refers to labels that the request does not have");
            if let Err(fault) = read.and_then(|()| self.one(&mut labels, message, body)) {
                self.faults += 1;
                self.fault.get_or_insert(fault);
            }
        }
        Ok(())
    }

    fn one(
        &mut self,
        labels: &mut Vec<Label<'a>>,
        message: &'a [u8],
        body: std::ops::Range<usize>,
    ) -> Result<(), &'static str> {
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_unstable();
        if labels.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err("a label occurs twice in a series");
        }
        let of = |wanted: &[u8]| {
            let found = labels.binary_search_by_key(&wanted, |(name, _)| *name).ok();
            found.map_or(&b""[..], |at| labels[at].1)
        };
        let (name, job, instance) = (of(b"__name__"), of(b"job"), of(b"instance"));
        if name.is_empty() {
            return Err("a series has no name");
        }
        let said = self.said(name, message).ok_or("a series refers to texts that are not there")?;
        let room = self.room.checked_sub(said.2.len() + said.3.len());
        self.room = room.ok_or("what is said of metrics is too long together")?;
        let target = self.target(job, instance);
        if name == TARGET_INFO {
            let info = labels.iter().filter(|(name, _)| !IDENTITY.contains(name));
            self.targets[target as usize].info = Some(info.copied().collect());
            return Ok(());
        }
        let scope = labels.iter().filter(|(name, _)| name.starts_with(SCOPE)).copied().collect();
        let (scope, metric) = (self.scopes.number(scope), self.metrics.number(said));
        self.series.push(Series { body, target, scope, metric, start: created(message) });
        Ok(())
    }

    fn target(&mut self, job: &'a [u8], instance: &'a [u8]) -> u32 {
        let number = self.places.number((job, instance));
        if number as usize == self.targets.len() {
            self.targets.push(Found { job, instance, info: None });
        }
        number
    }

    fn said(&self, name: &'a [u8], message: &'a [u8]) -> Option<Said<'a>> {
        let Some(symbols) = &self.symbols else { return Some((name, 0, b"", b"")) };
        let (mut kind, mut help, mut unit) = (0, 0, 0);
        for metadata in Fields::new(message).filter(|it| it.number == 5 && it.wire_type == LEN) {
            let body = inside(message, &metadata);
            for field in Fields::new(body).filter(|field| field.wire_type == VARINT) {
                match field.number {
                    1 => kind = field.varint(body),
                    3 => help = field.varint(body),
                    4 => unit = field.varint(body),
                    _ => {}
                }
            }
        }
        // Many a sender leaves out the empty text that 0 should refer to.
        let text = |reference| if reference == 0 { Some(&b""[..]) } else { symbols.get(reference) };
        Some((name, kind, text(help)?, text(unit)?))
    }
}

/// Labels that say of what a series is, and not what it is like: two of them what metadata say too.
pub const IDENTITY: [&[u8]; 5] = [b"__name__", b"job", b"instance", b"__type__", b"__unit__"];

fn created(message: &[u8]) -> i64 {
    let created = Fields::new(message).filter(|it| it.number == 6 && it.wire_type == VARINT);
    created.last().map_or(0, |field| field.varint(message).cast_signed())
}

fn metadata_1(body: &[u8]) -> Said<'_> {
    let mut said = (&b""[..], 0, &b""[..], &b""[..]);
    for field in Fields::new(body) {
        match (field.number, field.wire_type) {
            (1, VARINT) => said.1 = field.varint(body),
            (2, LEN) => said.0 = inside(body, &field),
            (4, LEN) => said.2 = inside(body, &field),
            (5, LEN) => said.3 = inside(body, &field),
            _ => {}
        }
    }
    said
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn owned(labels: &[Label]) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn said((name, kind, help, unit): Said) -> Metric {
    Metric { name: text(name), kind, help: text(help), unit: text(unit) }
}

impl Found<'_> {
    fn owned(self) -> Target {
        let info = self.info.map(|labels| owned(&labels));
        Target { job: text(self.job), instance: text(self.instance), info }
    }
}
