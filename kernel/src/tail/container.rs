//! Lines that container runtimes write: Docker's JSON, and the format of the CRI.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;

use super::entry::Entry;
use super::field::{Fault, Field, MISSING};
use super::parse::json;
use super::time::{Piece, Pieces};
use super::value::{Map, Value};

#[derive(Deserialize)]
pub struct Container {
    parse_from: Field,
    format: Format,
    add_metadata_from_filepath: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Format {
    Any,
    Docker,
    Cri,
}

/// What the path of a file says of its pod; the last one.
#[derive(Default)]
pub struct Pod {
    path: String,
    said: Option<Map<'static>>,
}

pub const PATH: &str = "log.file.path";

impl Container {
    /// Whether a line of an entry is only a part of it, and more follows.
    pub fn apply<'a>(
        &'a self,
        entry: &mut Entry<'a>,
        pod: &mut Pod,
        now: u64,
    ) -> Result<bool, Fault> {
        let Value::Text(text) = self.parse_from.get(entry).ok_or(MISSING)?.into_owned() else {
            return Err("it is no text".into());
        };
        let pod = if self.add_metadata_from_filepath { Some(pod.of(entry)?) } else { None };
        let docker = match self.format {
            Format::Any => text.starts_with('{'),
            format => format == Format::Docker,
        };
        let line = match &text {
            Cow::Borrowed(text) if docker => Line::docker(text)?,
            Cow::Borrowed(text) => Line::cri(text)?,
            Cow::Owned(text) if docker => Line::docker(text)?.into_owned(),
            Cow::Owned(text) => Line::cri(text)?.into_owned(),
        };
        entry.time = rfc3339().read(&line.time, now).ok_or("its time is no time")?;
        entry.body = line.body;
        entry.attributes.merge(line.attributes);
        if let Some(pod) = pod {
            entry.resource.merge(pod);
        }
        Ok(line.partial)
    }
}

/// A line in either format.
struct Line<'t> {
    time: Cow<'t, str>,
    body: Value<'t>,
    attributes: Map<'t>,
    partial: bool,
}

const STREAM: &str = "log.iostream";

impl<'t> Line<'t> {
    fn docker(text: &'t str) -> Result<Self, Fault> {
        let mut map = json(text, false)?;
        let mut text = |key| match map.remove(key) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(Fault::from(format!("it has no text {key:?}"))),
        };
        let (time, stream, body) = (text("time")?, text("stream")?, text("log")?);
        map.set(STREAM.into(), Value::Text(stream));
        Ok(Self { time, body: Value::Text(body), attributes: map, partial: false })
    }

    fn cri(text: &'t str) -> Result<Self, Fault> {
        let parts = || {
            let (time, rest) = text.split_once(' ')?;
            let (stream, rest) = rest.split_once(' ')?;
            let (tag, body) = rest.split_once(' ').unwrap_or((rest, ""));
            matches!(stream, "stdout" | "stderr").then_some((time, stream, tag, body))
        };
        let (time, stream, tag, body) = parts().ok_or("it is no line of a container runtime")?;
        let text = |text| Value::Text(Cow::Borrowed(text));
        let attributes = Map::of(vec![("logtag".into(), text(tag)), (STREAM.into(), text(stream))]);
        Ok(Self { time: time.into(), body: text(body), attributes, partial: tag == "P" })
    }

    fn into_owned(self) -> Line<'static> {
        Line {
            time: self.time.into_owned().into(),
            body: self.body.into_owned(),
            attributes: self.attributes.into_owned(),
            partial: self.partial,
        }
    }
}

impl Pod {
    /// What the path of an entry's file says.
    fn of(&mut self, entry: &Entry) -> Result<Map<'static>, Fault> {
        let Some(Value::Text(path)) = entry.attributes.get(PATH) else {
            return Err("it has no log.file.path".into());
        };
        if self.path != **path {
            self.said = pod(path);
            self.path = path.clone().into_owned();
        }
        self.said.clone().ok_or_else(|| "its path is not one of a pod's log".into())
    }
}

fn pod(path: &str) -> Option<Map<'static>> {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        let names = r"([^_/\\]+)_([^_]+)_([a-f0-9\-]+)";
        Regex::new(&format!(r"[/\\]{names}[/\\]([^._]+)[/\\](\d+)\.log(?:\..*)?$"))
            .expect("a pattern")
    });
    let found = pattern.captures(path)?;
    let names = [
        "k8s.namespace.name",
        "k8s.pod.name",
        "k8s.pod.uid",
        "k8s.container.name",
        "k8s.container.restart_count",
    ];
    let value = |i: usize| Value::Text(Cow::Owned(found[i].to_owned()));
    let pairs = names.into_iter().enumerate();
    Some(Map::of(pairs.map(|(i, name)| (name.into(), value(i + 1))).collect()))
}

fn rfc3339() -> &'static Pieces {
    static PIECES: OnceLock<Pieces> = OnceLock::new();
    PIECES.get_or_init(|| {
        let piece = |next: char| match next {
            '-' | 'T' | ':' | '.' => Piece::Text(next.to_string()),
            directive => Piece::Part(directive),
        };
        let pieces = "Y-m-dTH:M:S.sj".chars().map(piece).collect();
        Pieces::in_utc(pieces)
    })
}
