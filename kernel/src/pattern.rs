//! Regular expressions in time linear in the text, whatever the pattern: hostile ones cost no more.

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use regex::{Captures, Regex, RegexBuilder};

/// Bytes that a compiled pattern may take, and each of its caches: `a{1000}{1000}` is refused.
pub const MAX_SIZE: usize = 1 << 20;

/// A pattern in RE2's syntax: no look-around and no back-references.
#[pyclass(frozen, module = "penstock._kernel")]
pub struct Pattern {
    regex: Regex,
}

fn text<'a>(value: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    value.to_cow()
}

#[pymethods]
impl Pattern {
    #[new]
    fn new(pattern: &str) -> PyResult<Self> {
        let mut builder = RegexBuilder::new(pattern);
        match builder.size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build() {
            Ok(regex) => Ok(Self { regex }),
            Err(error) => Err(PyValueError::new_err(error.to_string())),
        }
    }

    #[getter]
    fn pattern(&self) -> &str {
        self.regex.as_str()
    }

    /// The names of the groups that have one, in order.
    #[getter]
    fn names(&self) -> Vec<&str> {
        self.regex.capture_names().flatten().collect()
    }

    /// Whether the pattern is found in each text.
    fn found(&self, texts: Vec<Bound<'_, PyString>>) -> PyResult<Vec<bool>> {
        texts.iter().map(|value| Ok(self.regex.is_match(&text(value)?))).collect()
    }

    /// Each text with every match replaced by `template`, where `$1` and `${name}` are groups.
    fn replaced(&self, texts: Vec<Bound<'_, PyString>>, template: &str) -> PyResult<Vec<String>> {
        let replaced = |value| Ok(self.regex.replace_all(&text(value)?, template).into_owned());
        texts.iter().map(replaced).collect()
    }

    /// The groups of the first match in each text by name, or by number where they have none;
    /// `None` where there is no match.
    fn groups<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Bound<'py, PyString>>,
    ) -> PyResult<Vec<Option<Bound<'py, PyDict>>>> {
        let groups = |value: &Bound<'py, PyString>| {
            self.regex.captures(&text(value)?).map(|found| self.dict(py, &found)).transpose()
        };
        texts.iter().map(groups).collect()
    }

    /// The places of every match in each text, as offsets of characters.
    fn spans(&self, texts: Vec<Bound<'_, PyString>>) -> PyResult<Vec<Vec<(usize, usize)>>> {
        texts.iter().map(|value| Ok(spans(&self.regex, &text(value)?))).collect()
    }

    /// Where the groups of the first match in each text are, in characters; 0 is all of it. `None`
    /// stands for a text without a match and for a group that took no part in it.
    fn places(&self, texts: Vec<Bound<'_, PyString>>) -> PyResult<Vec<Option<Vec<Place>>>> {
        texts.iter().map(|value| Ok(places(&self.regex, &text(value)?))).collect()
    }
}

type Place = Option<(usize, usize)>;

fn places(regex: &Regex, text: &str) -> Option<Vec<Place>> {
    let offset = |byte: usize| text[..byte].chars().count();
    let found = regex.captures(text)?;
    Some(found.iter().map(|group| Some((offset(group?.start()), offset(group?.end())))).collect())
}

impl Pattern {
    fn dict<'py>(&self, py: Python<'py>, found: &Captures) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (number, (name, group)) in self.regex.capture_names().zip(found.iter()).enumerate() {
            let key = name.map_or_else(|| number.to_string(), str::to_owned);
            dict.set_item(key, group.map(|group| group.as_str()))?;
        }
        Ok(dict)
    }
}

fn spans(regex: &Regex, text: &str) -> Vec<(usize, usize)> {
    let (mut at, mut characters) = (0, 0);
    let mut offset = |byte: usize| {
        characters += text[at..byte].chars().count();
        at = byte;
        characters
    };
    regex.find_iter(text).map(|found| (offset(found.start()), offset(found.end()))).collect()
}
