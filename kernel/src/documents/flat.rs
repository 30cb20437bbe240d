//! Documents as a list of fields, whose keys say by points where each stands.
//!
//! An index takes such keys for objects in objects, and no document in which one key is twice there,
//! or is a value and an object: then the last value counts, or it moves into the object as `value`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ahash::HashSet;

use super::text;
use super::value::{Value, elements, key_value, map, pairs, with_value};

/// Shapes of documents that are kept in mind.
const MAX_SHAPES: usize = 256;

/// Objects in objects that a key makes; Elasticsearch takes 20. What is behind further points is a
/// name.
const MAX_STEPS: usize = 64;

/// Bytes of a key under which entries of maps are fields with such a key each; under longer ones they
/// are an object, so that a document does not become many times as large as what it is made of.
const MAX_PREFIX: usize = 256;

#[derive(Default)]
pub struct Document {
    keys: Vec<u8>,
    values: Vec<u8>,
    fields: Vec<Field>,
    /// Keys of documents in which nothing is in another's way.
    clean: HashSet<Vec<u8>>,
}

struct Field {
    key: Range<usize>,
    value: Range<usize>,
}

/// Stands between keys of a shape: no text has it.
const END: u8 = 0xff;

impl Document {
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Forget all but the first fields.
    pub fn truncate(&mut self, len: usize) {
        self.fields.truncate(len);
        let last = self.fields.last();
        self.keys.truncate(last.map_or(0, |field| field.key.end + 1));
        self.values.truncate(last.map_or(0, |field| field.value.end));
    }

    /// Add a field whose key is put together of parts, with a point between.
    pub fn add(&mut self, prefix: &[u8], key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let (begins, value) = (self.keys.len(), self.values.len());
        self.keys.extend_from_slice(prefix);
        if !prefix.is_empty() {
            self.keys.push(b'.');
        }
        self.keys.extend_from_slice(key);
        let ends = self.keys.len();
        self.keys.push(END);
        write(&mut self.values);
        self.fields.push(Field { key: begins..ends, value: value..self.values.len() });
    }

    pub fn text(&mut self, key: &[u8], value: &[u8]) {
        if !value.is_empty() {
            self.add(b"", key, |out| text::string(out, value));
        }
    }

    pub fn id(&mut self, key: &[u8], id: &[u8]) {
        if id.iter().any(|byte| *byte != 0) {
            self.add(b"", key, |out| text::hex(out, id));
        }
    }

    pub fn integer(&mut self, key: &[u8], value: i64) {
        self.add(b"", key, |out| text::integer(out, value));
    }

    pub fn time(&mut self, prefix: &[u8], key: &[u8], nanos: u64) {
        self.add(prefix, key, |out| text::rfc3339(out, nanos));
    }

    /// Add attributes. Those of maps are fields as well; what is empty is none.
    pub fn attributes<'a>(&mut self, prefix: &[u8], pairs: impl Iterator<Item = &'a [u8]>) {
        if prefix.len() > MAX_PREFIX {
            return self.add(b"", prefix, |out| map(out, pairs));
        }
        for pair in pairs {
            let (key, value) = key_value(pair);
            with_value(value, |value| self.attribute(prefix, key, &value));
        }
    }

    pub fn attribute(&mut self, prefix: &[u8], key: &[u8], value: &Value) {
        match value {
            Value::Empty => {}
            Value::List(body) if elements(body).next().is_none() => {}
            Value::Map(body) => self.attributes(&joined(prefix, key), pairs(body)),
            _ => self.add(prefix, key, |out| value.write(out)),
        }
    }

    /// Write it as one object of all fields.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        if self.is_clean() {
            let mark = out.len();
            for field in &self.fields {
                out.push(if out.len() == mark { b'{' } else { b',' });
                text::string(out, &self.keys[field.key.clone()]);
                out.push(b':');
                out.extend_from_slice(&self.values[field.value.clone()]);
            }
            if self.fields.is_empty() {
                out.push(b'{');
            }
        } else {
            out.push(b'{');
            for (key, value) in self.resolved() {
                text::key(out, &key);
                out.extend_from_slice(&self.values[value]);
            }
        }
        out.push(b'}');
    }

    /// Write it as objects in objects.
    pub fn write_nested(&self, out: &mut Vec<u8>) {
        let mut fields: Vec<_> = self.resolved().into_iter().collect();
        fields.sort_by(|(one, _), (other, _)| steps(one).cmp(steps(other)));
        let mut open: Vec<&[u8]> = Vec::new();
        out.push(b'{');
        for (key, value) in &fields {
            let mut path: Vec<&[u8]> = steps(key).collect();
            let name = path.pop().unwrap_or_default();
            let shared = open.iter().zip(&path).take_while(|(one, other)| one == other).count();
            out.extend(std::iter::repeat_n(b'}', open.len() - shared));
            for step in &path[shared..] {
                text::key(out, step);
                out.push(b'{');
            }
            open = path;
            text::key(out, name);
            out.extend_from_slice(&self.values[value.clone()]);
        }
        out.extend(std::iter::repeat_n(b'}', open.len() + 1));
    }

    fn is_clean(&mut self) -> bool {
        if self.clean.contains(&self.keys) {
            return true;
        }
        let mut keys = HashSet::default();
        let all_new = self.fields.iter().all(|field| keys.insert(&self.keys[field.key.clone()]));
        let clean = all_new && !keys.iter().any(|key| parents(key).any(|it| keys.contains(it)));
        if clean {
            if self.clean.len() == MAX_SHAPES {
                self.clean.clear();
            }
            self.clean.insert(self.keys.clone());
        }
        clean
    }

    /// The fields without those that are in another's way.
    fn resolved(&self) -> BTreeMap<Vec<u8>, Range<usize>> {
        let mut fields: BTreeMap<Vec<u8>, Range<usize>> = BTreeMap::new();
        for field in &self.fields {
            fields.insert(self.keys[field.key.clone()].to_vec(), field.value.clone());
        }
        loop {
            let within = fields.keys().flat_map(|key| parents(key));
            let both: BTreeSet<&[u8]> = within.filter(|it| fields.contains_key(*it)).collect();
            if both.is_empty() {
                return fields;
            }
            for key in both.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>() {
                if let Some(value) = fields.remove(&key) {
                    fields.entry([&key, &b".value"[..]].concat()).or_insert(value);
                }
            }
        }
    }
}

/// Two parts of a key with a point between.
pub fn joined(prefix: &[u8], key: &[u8]) -> Vec<u8> {
    if prefix.is_empty() { key.to_vec() } else { [prefix, b".", key].concat() }
}

/// The keys of the objects that a key lies in.
fn parents(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b'.', key).take(MAX_STEPS).map(|point| &key[..point])
}

fn steps(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.splitn(MAX_STEPS + 1, |byte| *byte == b'.')
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn document(fields: &[(&str, i64)]) -> Document {
        let mut document = Document::default();
        for (key, value) in fields {
            document.integer(key.as_bytes(), *value);
        }
        document
    }

    fn both(fields: &[(&str, i64)]) -> [String; 2] {
        let mut document = document(fields);
        let (mut flat, mut nested) = (Vec::new(), Vec::new());
        document.write(&mut flat);
        document.write_nested(&mut nested);
        [flat, nested].map(|json| String::from_utf8(json).unwrap())
    }

    #[test]
    fn fields_are_written_by_their_keys_or_as_objects() {
        let fields = [("b.c", 1), ("a", 2), ("b-c", 3), ("b.d.e", 4)];
        assert_eq!(
            both(&fields),
            [r#"{"b.c":1,"a":2,"b-c":3,"b.d.e":4}"#, r#"{"a":2,"b":{"c":1,"d":{"e":4}},"b-c":3}"#]
        );
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(both(&[("a", 1), ("b", 2), ("a", 3)])[0], r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_is_a_value_and_an_object_becomes_a_value_in_the_object() {
        let fields = [("a", 1), ("a.b", 2), ("c.value", 3), ("c", 4), ("c.value.d", 5)];
        assert_eq!(both(&fields)[1], r#"{"a":{"b":2,"value":1},"c":{"value":{"d":5,"value":3}}}"#);
    }

    #[test]
    fn keys_of_many_points_and_of_many_objects_take_no_time() {
        let deep = ".".repeat(1_000_000);
        let chain: Vec<String> = (0..1500).map(|i| format!("a{}", ".b".repeat(i))).collect();
        let mut fields: Vec<(&str, i64)> = chain.iter().map(|key| (key.as_str(), 1)).collect();
        fields.push((&deep, 1));
        let began = std::time::Instant::now();
        assert!(both(&fields)[1].len() > deep.len());
        assert!(began.elapsed().as_secs() < 5);
    }

    #[test]
    fn what_lies_under_a_long_key_is_an_object() {
        let pair = |key: &str, kind: u8, value: &[u8]| {
            let inner = [&[kind << 3 | 2, value.len() as u8][..], value].concat();
            [&[0x0a, key.len() as u8][..], key.as_bytes(), &[0x12, inner.len() as u8], &inner]
                .concat()
        };
        let list = |pair: &[u8]| [&[0x0a, pair.len() as u8][..], pair].concat();
        let map = pair("k", 6, &list(&pair("x", 1, b"y")));
        for (len, json) in [(9, r#".k.x":"y"}"#), (MAX_PREFIX, r#".k":{"x":"y"}}"#)] {
            let mut document = Document::default();
            document.attributes("p".repeat(len).as_bytes(), iter::once(map.as_slice()));
            let mut out = Vec::new();
            document.write(&mut out);
            assert!(out.ends_with(json.as_bytes()), "{}", String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn a_document_without_fields_is_an_empty_object() {
        assert_eq!(both(&[]), ["{}", "{}"]);
    }

    #[test]
    fn fields_after_the_first_are_forgotten() {
        let mut document = document(&[("a", 1), ("b", 2)]);
        document.truncate(1);
        document.integer(b"c", 3);
        let mut out = Vec::new();
        document.write(&mut out);
        assert_eq!(out, br#"{"a":1,"c":3}"#);
    }
}
