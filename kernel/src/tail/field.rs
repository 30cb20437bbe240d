//! Places in an entry.

use std::borrow::Cow;

use serde::Deserialize;

use super::entry::Entry;
use super::value::{Map, Value};

/// Why an operator cannot do its work on an entry.
pub type Fault = Cow<'static, str>;

#[derive(Clone, Deserialize)]
pub struct Field {
    root: Root,
    keys: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    Body,
    Attributes,
    Resource,
}

impl Field {
    pub fn root(&self) -> Root {
        self.root
    }

    /// What is at that place. Maps at the root are copied.
    pub fn get<'e, 'a>(&self, entry: &'e Entry<'a>) -> Option<Cow<'e, Value<'a>>> {
        let map = match self.root {
            Root::Body => return nested(&entry.body, &self.keys).map(Cow::Borrowed),
            Root::Attributes => &entry.attributes,
            Root::Resource => &entry.resource,
        };
        match self.keys.split_first() {
            None => Some(Cow::Owned(Value::Map(map.clone()))),
            Some((first, rest)) => nested(map.get(first)?, rest).map(Cow::Borrowed),
        }
    }

    /// Take away what is at that place.
    pub fn remove<'a>(&self, entry: &mut Entry<'a>) -> Option<Value<'a>> {
        let map = match (self.root, self.keys.is_empty()) {
            (Root::Body, true) => return Some(std::mem::take(&mut entry.body)),
            (Root::Attributes, true) => {
                return Some(Value::Map(std::mem::take(&mut entry.attributes)));
            }
            (Root::Resource, true) => return Some(Value::Map(std::mem::take(&mut entry.resource))),
            (Root::Attributes, false) => &mut entry.attributes,
            (Root::Resource, false) => &mut entry.resource,
            (Root::Body, false) => map_of(&mut entry.body)?,
        };
        let (last, before) = self.keys.split_last()?;
        let map = before.iter().try_fold(map, |map, key| map_of(map.get_mut(key)?))?;
        map.remove(last)
    }

    /// Have `value` at that place. What is in the way is replaced; maps are merged.
    pub fn set<'a>(&'a self, entry: &mut Entry<'a>, value: Value<'a>) -> Result<(), Fault> {
        let keys = self.keys.iter().map(|key| Cow::Borrowed(key.as_str()));
        set(self.root, keys.collect(), entry, value)
    }

    /// Have `value` instead of what is at that place.
    pub fn replace(&self, entry: &mut Entry<'static>, value: Value<'static>) {
        let keys = self.keys.iter().map(|key| Cow::Owned(key.clone()));
        // Fails only for the root of attributes, where there can be no text.
        let _ = set(self.root, keys.collect(), entry, value);
    }

    /// Have what a map holds beside it instead of within.
    pub fn flatten(&self, entry: &mut Entry<'_>) -> Result<(), Fault> {
        let value = self.remove(entry).ok_or(MISSING)?;
        let parents = || self.keys.iter().take(self.keys.len() - 1);
        let Value::Map(map) = value else {
            let keys = self.keys.iter().map(|key| Cow::Owned(key.clone()));
            set(self.root, keys.collect(), entry, value)?;
            return Err("it is no map".into());
        };
        for (key, value) in map {
            let mut keys: Vec<Cow<str>> = parents().map(|key| Cow::Owned(key.clone())).collect();
            keys.push(key);
            set(self.root, keys, entry, value)?;
        }
        Ok(())
    }
}

pub const MISSING: Fault = Cow::Borrowed("the entry has no such field");

fn nested<'e, 'a>(value: &'e Value<'a>, keys: &[String]) -> Option<&'e Value<'a>> {
    keys.iter().try_fold(value, |value, key| match value {
        Value::Map(map) => map.get(key),
        _ => None,
    })
}

fn map_of<'e, 'a>(value: &'e mut Value<'a>) -> Option<&'e mut Map<'a>> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// The map that `value` is or becomes.
fn as_map<'e, 'a>(value: &'e mut Value<'a>) -> &'e mut Map<'a> {
    if !matches!(value, Value::Map(_)) {
        *value = Value::Map(Map::default());
    }
    match value {
        Value::Map(map) => map,
        _ => unreachable!("it has just been made one"),
    }
}

fn set<'a>(
    root: Root,
    keys: Vec<Cow<'a, str>>,
    entry: &mut Entry<'a>,
    value: Value<'a>,
) -> Result<(), Fault> {
    let map = match root {
        Root::Attributes => &mut entry.attributes,
        Root::Resource => &mut entry.resource,
        Root::Body if keys.is_empty() && !matches!(value, Value::Map(_)) => {
            entry.body = value;
            return Ok(());
        }
        Root::Body => as_map(&mut entry.body),
    };
    let Some((last, before)) = keys.split_last() else { return merge(map, value) };
    let map = before.iter().fold(map, |map, key| as_map(map.entry(key)));
    match value {
        Value::Map(inner) => as_map(map.entry(last)).merge(inner),
        value => map.set(last.clone(), value),
    }
    Ok(())
}

fn merge<'a>(map: &mut Map<'a>, value: Value<'a>) -> Result<(), Fault> {
    match value {
        Value::Map(inner) => map.merge(inner),
        _ => return Err("attributes as a whole can only be a map".into()),
    }
    Ok(())
}
