//! Conditions on entries, and values made of them: the part of expr-lang that operators need.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::entry::Entry;
use super::field::{Fault, Field};
use super::value::Value;

/// Bytes that a compiled pattern may take, and each of its caches.
const MAX_SIZE: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    Value(Value<'static>),
    Path(Field),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Operator, Box<Expr>, Box<Expr>),
    Matches(Box<Expr>, Pattern),
    In(Box<Expr>, Vec<Expr>),
    /// Texts joined.
    Join(Vec<Expr>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(pub Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(pattern: String) -> Result<Self, regex::Error> {
        let mut builder = RegexBuilder::new(&pattern);
        builder.size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build().map(Self)
    }
}

type Found<'e, 'a> = Result<Cow<'e, Value<'a>>, Fault>;

impl Expr {
    pub fn holds(&self, entry: &Entry) -> Result<bool, Fault> {
        match self.value(entry)?.as_ref() {
            Value::Bool(value) => Ok(*value),
            _ => Err("the expression is neither true nor false".into()),
        }
    }

    /// Recurses as deep as the expression is nested, which settings bound.
    pub fn value<'e, 'a: 'e>(&'e self, entry: &'e Entry<'a>) -> Found<'e, 'a> {
        let truth = match self {
            Self::Value(value) => return Ok(Cow::Borrowed(value)),
            Self::Path(field) => return Ok(field.get(entry).unwrap_or_default()),
            Self::Join(parts) => return join(parts, entry),
            Self::Not(inner) => !inner.holds(entry)?,
            Self::And(parts) => !any(parts, entry, false)?,
            Self::Or(parts) => any(parts, entry, true)?,
            Self::Compare(operator, one, other) => {
                operator.compare(one.value(entry)?.as_ref(), other.value(entry)?.as_ref())?
            }
            Self::Matches(inner, pattern) => {
                pattern.0.is_match(text(inner.value(entry)?.as_ref())?)
            }
            Self::In(inner, values) => {
                let inner = inner.value(entry)?;
                let mut found = false;
                for value in values {
                    found = found || equal(&inner, value.value(entry)?.as_ref());
                }
                found
            }
        };
        Ok(Cow::Owned(Value::Bool(truth)))
    }
}

/// Whether any part is `truth`; those after that are not looked at.
fn any(parts: &[Expr], entry: &Entry, truth: bool) -> Result<bool, Fault> {
    for part in parts {
        if part.holds(entry)? == truth {
            return Ok(true);
        }
    }
    Ok(false)
}

fn join<'e, 'a: 'e>(parts: &'e [Expr], entry: &'e Entry<'a>) -> Found<'e, 'a> {
    let mut joined = String::new();
    for part in parts {
        joined.push_str(text(part.value(entry)?.as_ref())?);
    }
    Ok(Cow::Owned(Value::Text(Cow::Owned(joined))))
}

fn text<'v>(value: &'v Value) -> Result<&'v str, Fault> {
    value.text().ok_or(Cow::Borrowed("what the expression needs as a text is none"))
}

impl Operator {
    fn compare(self, one: &Value, other: &Value) -> Result<bool, Fault> {
        Ok(match self {
            Self::Equal => equal(one, other),
            Self::Unequal => !equal(one, other),
            Self::Less => order(one, other)? == Some(Ordering::Less),
            Self::LessOrEqual => order(one, other)?.is_some_and(Ordering::is_le),
            Self::Greater => order(one, other)? == Some(Ordering::Greater),
            Self::GreaterOrEqual => order(one, other)?.is_some_and(Ordering::is_ge),
            Self::Contains => text(one)?.contains(text(other)?),
            Self::StartsWith => text(one)?.starts_with(text(other)?),
            Self::EndsWith => text(one)?.ends_with(text(other)?),
        })
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

#[allow(clippy::float_cmp)] // a constant of the settings and a number of the entry are equal or not
fn equal(one: &Value, other: &Value) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn order(one: &Value, other: &Value) -> Result<Option<Ordering>, Fault> {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return Ok(one.partial_cmp(&other));
    }
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => Ok(Some(one.cmp(other))),
        _ => Err("the expression compares what has no order".into()),
    }
}
