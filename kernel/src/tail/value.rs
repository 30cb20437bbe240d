//! What entries hold: values as JSON has them, borrowed from the text where they can be.

use std::borrow::Cow;

use ahash::HashMap;

pub type Text<'a> = Cow<'a, str>;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Value<'a>>),
    Map(Map<'a>),
}

impl<'a> Value<'a> {
    /// The same, with nothing copied.
    #[must_use]
    pub fn lend(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Self::Bytes(Cow::Borrowed(bytes)),
            Self::List(values) => Self::List(values.iter().map(Value::lend).collect()),
            Self::Map(map) => Self::Map(map.lend()),
            other => other.clone(),
        }
    }

    /// The same, for longer than the text it is from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Double(value) => Value::Double(value),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
            Self::Map(map) => Value::Map(map.into_owned()),
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Keys, each once, in the order of their first appearance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map<'a>(Vec<(Text<'a>, Value<'a>)>);

/// Comparisons of keys up to which looking at all is quicker than a table of them.
const FEW: usize = 1024;

impl<'a> Map<'a> {
    /// Of equal keys, the last one counts.
    pub fn of(pairs: Vec<(Text<'a>, Value<'a>)>) -> Self {
        let distinct = |i: usize| pairs[..i].iter().all(|(key, _)| *key != pairs[i].0);
        if pairs.len() * pairs.len() <= FEW && (1..pairs.len()).all(distinct) {
            return Self(pairs);
        }
        let mut places: HashMap<Text<'a>, usize> = HashMap::default();
        let mut map = Self(Vec::with_capacity(pairs.len()));
        for (key, value) in pairs {
            if let Some(place) = places.get(&key) {
                map.0[*place].1 = value;
            } else {
                places.insert(key.clone(), map.0.len());
                map.0.push((key, value));
            }
        }
        map
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Text<'a>, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The value of `key`, null if it is new.
    pub fn entry(&mut self, key: &Text<'a>) -> &mut Value<'a> {
        let place = self.0.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            self.0.push((key.clone(), Value::Null));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        self.0.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub fn set(&mut self, key: Text<'a>, value: Value<'a>) {
        *self.entry(&key) = value;
    }

    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(place).1)
    }

    /// Take over what `other` has; where both have a key, its value counts.
    pub fn merge(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else if self.0.len() * other.0.len() <= FEW {
            let known = self.0.len();
            self.0.reserve(other.0.len());
            for (key, value) in other.0 {
                match self.0[..known].iter_mut().find(|(known, _)| *known == key) {
                    Some(pair) => pair.1 = value,
                    None => self.0.push((key, value)),
                }
            }
        } else {
            let mut pairs = std::mem::take(&mut self.0);
            pairs.extend(other.0);
            *self = Self::of(pairs);
        }
    }

    #[must_use]
    pub fn lend(&'a self) -> Self {
        let pair = |(key, value): &'a (Text<'a>, Value<'a>)| (Cow::Borrowed(&**key), value.lend());
        Self(self.0.iter().map(pair).collect())
    }

    pub fn into_owned(self) -> Map<'static> {
        let pair = |(key, value): (Text, Value)| (Cow::Owned(key.into_owned()), value.into_owned());
        Map(self.0.into_iter().map(pair).collect())
    }
}

impl<'a> IntoIterator for Map<'a> {
    type Item = (Text<'a>, Value<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
