//! Operators, which entries go through one after the other.

use std::borrow::Cow;

use serde::Deserialize;

use super::container::{Container, Pod};
use super::entry::Entry;
use super::expr::Expr;
use super::field::{Fault, Field, MISSING, Root};
use super::parse::Syntax;
use super::recombine::{Part, Recombine, Waiting};
use super::records::Records;
use super::severity::Severity;
use super::time::Time;
use super::trace::Identifiers;
use super::value::{Map, Value};

#[derive(Default, Deserialize)]
#[serde(transparent)]
pub struct Program {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    /// Entries for which it does not hold go on to the next step.
    condition: Option<Expr>,
    /// Whether an entry is dropped with which it cannot do its work.
    drop_on_error: bool,
    /// The step that follows; without one, the entry is written.
    next: Option<usize>,
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Noop,
    Add { field: Field, value: Expr },
    Copy { from: Field, to: Field },
    Move { from: Field, to: Field },
    Remove { field: Field },
    Retain { fields: Vec<Field> },
    Flatten { field: Field },
    Filter { expr: Expr, drop_ratio: f64 },
    Router { routes: Vec<Route>, default: Way },
    Parse(Box<Parse>),
    Severity(Severity),
    Time(Time),
    Trace(Identifiers),
    Recombine(Box<Recombine>),
    Container { container: Box<Container>, recombine: Box<Recombine> },
}

#[derive(Deserialize)]
struct Route {
    expr: Expr,
    way: Way,
    attributes: Map<'static>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Step(usize),
    Out,
    Drop,
}

/// A parser, and what else it does with what it has found.
#[derive(Deserialize)]
struct Parse {
    #[serde(rename = "parse_from")]
    from: Field,
    #[serde(rename = "parse_to")]
    to: Field,
    syntax: Syntax,
    /// Where the names of columns are, if entries have them.
    header_from: Option<Field>,
    body: Option<Field>,
    timestamp: Option<Time>,
    severity: Option<Severity>,
    trace: Option<Identifiers>,
}

/// What steps remember of one file.
#[derive(Default)]
pub struct State {
    pub waiting: Waiting,
    pod: Pod,
}

/// Where entries go, and what became of others.
pub struct Outlet<'o> {
    pub records: &'o mut Records,
    pub tally: &'o mut Tally,
}

/// By the number of the step: the entries that it dropped on purpose, and those with which it could
/// not do its work; of these, where the first one is and why.
#[derive(Default)]
pub struct Tally {
    pub dropped: Vec<Dropped>,
    pub faults: Vec<Faults>,
}

pub type Dropped = (usize, u64);
pub type Faults = (usize, u64, u64, String);

impl Tally {
    fn drop(&mut self, step: usize) {
        match self.dropped.iter_mut().find(|it| it.0 == step) {
            Some(known) => known.1 += 1,
            None => self.dropped.push((step, 1)),
        }
    }

    fn fault(&mut self, step: usize, offset: u64, fault: &Fault) {
        match self.faults.iter_mut().find(|it| it.0 == step) {
            Some(known) => known.1 += 1,
            None => self.faults.push((step, 1, offset, fault.to_string())),
        }
    }
}

impl Program {
    pub fn run<'a>(&'a self, entry: Entry<'a>, state: &mut State, out: &mut Outlet) {
        let first = (!self.steps.is_empty()).then_some(0);
        self.go_on(first, entry, state, out);
    }

    /// Pass on what has waited too long for other parts of it.
    pub fn flush(&self, state: &mut State, out: &mut Outlet, now: u64) {
        if state.waiting.is_empty() {
            return;
        }
        for (number, step) in self.steps.iter().enumerate() {
            let (Action::Recombine(recombine) | Action::Container { recombine, .. }) = &step.action
            else {
                continue;
            };
            for entry in recombine.flush(number, &mut state.waiting, now) {
                self.go_on(step.next, entry, state, out);
            }
        }
    }

    /// Recurses for what several entries became, at most once a step.
    fn go_on<'a>(
        &'a self,
        mut at: Option<usize>,
        mut entry: Entry<'a>,
        state: &mut State,
        out: &mut Outlet,
    ) {
        while let Some(number) = at {
            let step = &self.steps[number];
            match step.take(number, entry, state, out) {
                Taken::Passed(passed, Way::Step(next)) => (entry, at) = (passed, Some(next)),
                Taken::Passed(passed, Way::Out) => (entry, at) = (passed, None),
                Taken::Passed(_, Way::Drop) => return out.tally.drop(number),
                Taken::Complete(entries) => {
                    return entries
                        .into_iter()
                        .for_each(|entry| self.go_on(step.next, entry, state, out));
                }
            }
        }
        out.records.add(&entry);
    }
}

/// What a step made of an entry.
enum Taken<'a> {
    Passed(Entry<'a>, Way),
    /// Entries that are put together of this one and others; perhaps none yet.
    Complete(Vec<Entry<'static>>),
}

impl Step {
    fn take<'a>(
        &'a self,
        number: usize,
        mut entry: Entry<'a>,
        state: &mut State,
        out: &mut Outlet,
    ) -> Taken<'a> {
        let now = out.records.now;
        match self.change(&mut entry, state, now) {
            Ok(Change::Goes(way)) => Taken::Passed(entry, way),
            Ok(Change::Waits(recombine, part)) => {
                Taken::Complete(recombine.add(number, entry, part, &mut state.waiting, now))
            }
            Err(fault) => {
                out.tally.fault(number, entry.offset, &fault);
                Taken::Passed(entry, if self.drop_on_error { Way::Drop } else { self.onward() })
            }
        }
    }

    fn onward(&self) -> Way {
        self.next.map_or(Way::Out, Way::Step)
    }

    fn change<'a>(
        &'a self,
        entry: &mut Entry<'a>,
        state: &mut State,
        now: u64,
    ) -> Result<Change<'a>, Fault> {
        let next = self.onward();
        if let Some(condition) = &self.condition
            && !condition.holds(entry)?
        {
            return Ok(Change::Goes(next));
        }
        match &self.action {
            Action::Recombine(recombine) => Ok(Change::Waits(recombine, recombine.part(entry)?)),
            Action::Container { container, recombine } => {
                let partial = container.apply(entry, &mut state.pod, now)?;
                if partial || !state.waiting.is_empty() {
                    return Ok(Change::Waits(recombine, recombine.part(entry)?));
                }
                Ok(Change::Goes(next))
            }
            action => action.apply(entry, next, now).map(Change::Goes),
        }
    }
}

/// What becomes of an entry: it goes on, or waits until others have come.
enum Change<'p> {
    Goes(Way),
    Waits(&'p Recombine, Part),
}

impl Action {
    /// Change an entry; where it goes.
    fn apply<'a>(&'a self, entry: &mut Entry<'a>, next: Way, now: u64) -> Result<Way, Fault> {
        match self {
            Self::Add { field, value } => {
                let value = value.value(entry)?.into_owned();
                field.set(entry, value)?;
            }
            Self::Copy { from, to } => {
                let value = from.get(entry).ok_or(MISSING)?.into_owned();
                to.set(entry, value)?;
            }
            Self::Move { from, to } => {
                let value = from.remove(entry).ok_or(MISSING)?;
                to.set(entry, value)?;
            }
            Self::Remove { field } => drop(field.remove(entry).ok_or(MISSING)?),
            Self::Retain { fields } => retain(fields, entry)?,
            Self::Flatten { field } => field.flatten(entry)?,
            Self::Filter { expr, drop_ratio } => {
                if expr.holds(entry)? && is_chosen(entry, *drop_ratio) {
                    return Ok(Way::Drop);
                }
            }
            Self::Router { routes, default } => return route(routes, *default, entry),
            Self::Parse(parse) => parse.apply(entry, now)?,
            Self::Severity(severity) => severity.apply(entry)?,
            Self::Time(time) => time.apply(entry, now)?,
            Self::Trace(trace) => trace.apply(entry)?,
            Self::Noop | Self::Recombine(_) | Self::Container { .. } => {}
        }
        Ok(next)
    }
}

/// Of those that fit, a part at random: by where they are, so that it is the same again.
fn is_chosen(entry: &Entry, ratio: f64) -> bool {
    let hash = xxhash_rust::xxh3::xxh3_64(&entry.offset.to_le_bytes());
    ratio >= 1.0 || (hash as f64 / u64::MAX as f64) < ratio
}

fn route<'a>(routes: &'a [Route], default: Way, entry: &mut Entry<'a>) -> Result<Way, Fault> {
    for route in routes {
        if route.expr.holds(entry)? {
            entry.attributes.merge(route.attributes.lend());
            return Ok(route.way);
        }
    }
    Ok(default)
}

/// Of the parts that fields are in, only the fields stay.
fn retain<'a>(fields: &'a [Field], entry: &mut Entry<'a>) -> Result<(), Fault> {
    let value = |field: &Field| field.get(entry).map(Cow::into_owned);
    let kept: Vec<_> = fields.iter().filter_map(|it| Some((it, value(it)?))).collect();
    for root in [Root::Body, Root::Attributes, Root::Resource] {
        if !fields.iter().any(|field| field.root() == root) {
            continue;
        }
        match root {
            Root::Body => entry.body = Value::Null,
            Root::Attributes => entry.attributes = Map::default(),
            Root::Resource => entry.resource = Map::default(),
        }
    }
    kept.into_iter().try_for_each(|(field, value)| field.set(entry, value))
}

impl Parse {
    fn apply<'a>(&'a self, entry: &mut Entry<'a>, now: u64) -> Result<(), Fault> {
        let text = match self.from.get(entry).ok_or(MISSING)?.as_ref() {
            Value::Text(text) => text.clone(),
            Value::Bytes(bytes) => Cow::Owned(String::from_utf8_lossy(bytes).into_owned()),
            _ => return Err("it is no text".into()),
        };
        let header = match &self.header_from {
            Some(field) => {
                let header = field.get(entry).and_then(|it| it.text().map(str::to_owned));
                Some(header.ok_or("it has no names of columns")?)
            }
            None => None,
        };
        let map = self.syntax.parse(text, header.as_deref())?;
        self.to.set(entry, Value::Map(map))?;
        if let Some(body) = self.body.as_ref().and_then(|field| field.get(entry)) {
            entry.body = body.into_owned();
        }
        // One that fails does not keep the others from being tried.
        let time = self.timestamp.as_ref().map_or(Ok(()), |it| it.apply(entry, now));
        let severity = self.severity.as_ref().map_or(Ok(()), |it| it.apply(entry));
        let trace = self.trace.as_ref().map_or(Ok(()), |it| it.apply(entry));
        time.and(severity).and(trace)
    }
}
