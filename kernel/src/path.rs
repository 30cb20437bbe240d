//! Paths to values, in OTTL's notation: `span.name`, `resource.attributes["service.name"]`.

use std::ptr;

use crate::key::Key;
use crate::schema::{ANY_VALUE, Field, KEY_VALUE, Message, Signal};

/// One step from a message to something in it.
#[derive(Clone)]
pub enum Step {
    Field(&'static Field),
    /// The value of the first pair with this key in a repeated `KeyValue` field.
    Pair(&'static Field, Key),
    /// The value under this key of a map that an `AnyValue` holds.
    Entry(Key),
}

/// How a value comes about.
#[derive(Clone)]
pub enum Source {
    /// By these steps, from each message that can stand at the path's level.
    Steps(Vec<(&'static Message, Vec<Step>)>),
    /// A span's end minus its start, in nanoseconds.
    Duration,
    /// A number data point's value, written as an integer or as a double.
    Value,
    /// Which data a metric has: OTTL's number for it.
    MetricType,
    /// A field of a metric's data, whichever that is.
    MetricData(&'static str),
}

pub struct Path {
    /// The level of messages, of `Signal::levels`, that the value belongs to; after the last one, of
    /// those inside the items.
    pub level: usize,
    pub source: Source,
}

impl Path {
    /// Read a path; the error says what is wrong with it.
    pub fn parse(signal: &'static Signal, text: &str) -> Result<Self, String> {
        let segments = segments(text).ok_or_else(|| format!("{text:?} is not a path"))?;
        let Some((Segment::Name(context), rest)) = segments.split_first() else {
            return Err(format!("{text:?} does not begin with a name"));
        };
        let Some((context, level)) = signal.contexts.iter().find(|(name, _)| name == context)
        else {
            let known: Vec<_> = signal.contexts.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            return Err(format!(
                "{text:?} is not a path of {}: expected it to begin with one of {known}",
                signal.name
            ));
        };
        let source = derived(context, rest).unwrap_or_else(|| {
            let starts = messages(signal, *level).into_iter();
            // Only of what is inside items can all be meant: it can be deleted.
            let all = *level == signal.levels.len();
            let with_steps = |start| Some((start, steps(context, start, rest)?));
            let somewhere = |(_, steps): &(_, Vec<Step>)| all || !steps.is_empty();
            Source::Steps(starts.filter_map(with_steps).filter(somewhere).collect())
        });
        if matches!(&source, Source::Steps(starts) if starts.is_empty()) {
            return Err(format!("{text:?} is not a path of {}", signal.name));
        }
        Ok(Self { level: *level, source })
    }
}

enum Segment {
    Name(String),
    Key(String),
}

/// Split `a.b["c"]` into names and keys; `None` where it is neither.
fn segments(text: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('[') {
            let mut keys = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            let key = keys.next()?.ok()?;
            rest = quoted[keys.byte_offset()..].strip_prefix(']')?;
            segments.push(Segment::Key(key));
        } else {
            rest = if segments.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() {
                return None;
            }
            segments.push(Segment::Name(name.into()));
            rest = after;
        }
    }
    Some(segments)
}

fn derived(context: &str, rest: &[Segment]) -> Option<Source> {
    let [Segment::Name(name)] = rest else { return None };
    match (context, name.as_str()) {
        ("span", "duration") => Some(Source::Duration),
        ("datapoint", "value") => Some(Source::Value),
        ("metric", "type") => Some(Source::MetricType),
        ("metric", "aggregation_temporality") => {
            Some(Source::MetricData("aggregation_temporality"))
        }
        ("metric", "is_monotonic") => Some(Source::MetricData("is_monotonic")),
        _ => None,
    }
}

/// The messages that can stand at a level.
fn messages(signal: &'static Signal, level: usize) -> Vec<&'static Message> {
    let mut messages = vec![signal.request];
    for numbers in signal.levels.iter().chain([&signal.inner]).take(level + 1) {
        let children = |message: &'static Message| {
            numbers.iter().filter_map(move |number| message.child(*number))
        };
        messages = messages.into_iter().flat_map(children).collect();
    }
    messages
}

/// The steps from `start`; `None` where they lead nowhere.
fn steps(context: &str, start: &'static Message, segments: &[Segment]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut at = Some(start);
    // OTTL's resource and scope lie in the messages that group items by them.
    let is_schema_url = matches!(segments, [Segment::Name(name)] if name == "schema_url");
    if let Some(field) = start.by_name(context).filter(|_| !is_schema_url) {
        steps.push(Step::Field(field));
        at = start.child(field.number);
    }
    let mut segments = segments.iter().peekable();
    while let Some(segment) = segments.next() {
        let (step, next) = match segment {
            Segment::Key(key) if ptr::eq(at?, &raw const ANY_VALUE) => {
                (Step::Entry(Key::new(key)), Some(&ANY_VALUE))
            }
            Segment::Key(_) => return None,
            Segment::Name(name) => {
                let field = field(at?, name)?;
                let inner = at?.child(field.number);
                let pairs = inner.is_some_and(|inner| ptr::eq(inner, &raw const KEY_VALUE));
                match segments.next_if(|next| pairs && matches!(next, Segment::Key(_))) {
                    Some(Segment::Key(key)) => {
                        (Step::Pair(field, Key::new(key)), Some(&ANY_VALUE as &'static Message))
                    }
                    _ => (Step::Field(field), inner.filter(|_| !field.repeated)),
                }
            }
        };
        steps.push(step);
        at = next;
    }
    Some(steps)
}

/// A field by its name, or by the one that OTTL has for it.
fn field(message: &'static Message, name: &str) -> Option<&'static Field> {
    let name = match name {
        "value_double" => "as_double",
        "value_int" => "as_int",
        name => name,
    };
    message.by_name(name)
}
