//! Keys and panes as records of a storage: a name, and what is there.

use ring::digest::{SHA256, digest as sha};
use std::sync::Arc;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::content::Content;
use super::labels::Said;
use super::saved::{Reader, signed, text};
use super::store::Store;
use crate::series::identity::Id;

/// A digest of what the key is called, and the start of the pane so that records of later ones come
/// after it.
pub type Name = [u8; 24];

/// A record that makes sense.
pub struct Saved<C> {
    pub name: Name,
    pub id: Id,
    pub said: Said,
    pub start: i64,
    pub since: i64,
    pub seen: u32,
    pub content: C,
}

/// Of what nobody can give two keys in common.
pub fn digest(said: &Said) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(said.names.len() + said.values.len() + 24);
    write_said(&mut bytes, said);
    let whole = sha(&SHA256, &bytes);
    whole.as_ref().first_chunk().copied().unwrap_or_default()
}

pub fn name(digest: [u8; 16], start: i64) -> Name {
    let mut name = [0; 24];
    name[..16].copy_from_slice(&digest);
    name[16..].copy_from_slice(&(start ^ i64::MIN).to_be_bytes());
    name
}

fn write_said(out: &mut Vec<u8>, said: &Said) {
    text(out, &said.resource);
    text(out, &said.names);
    text(out, &said.values);
}

fn check(name: &[u8], body: &[u8]) -> u64 {
    xxh3_64_with_seed(body, xxh3_64(name))
}

impl<C: Content> Store<C> {
    /// Records that changed, those without a value first: they are to go.
    pub fn changes(&mut self) -> Vec<(Name, Option<Vec<u8>>)> {
        let Some(notes) = &mut self.notes else { return Vec::new() };
        let (gone, changed) = (std::mem::take(&mut notes.gone), std::mem::take(&mut notes.changed));
        let mut records: Vec<_> = gone.into_iter().map(|name| (name, None)).collect();
        for place in changed {
            if self.keys.get(place).noted {
                self.save(place, &mut records);
            }
        }
        records
    }

    fn save(&mut self, place: u32, records: &mut Vec<(Name, Option<Vec<u8>>)>) {
        let seen = self.keys.seen(place);
        let key = self.keys.get_mut(place);
        key.noted = false;
        let said = self.pool.said(&key.labels);
        let digest = digest(&said);
        for pane in key.panes.all_mut().iter_mut().filter(|pane| pane.changed) {
            (pane.changed, pane.saved) = (false, true);
            let mut body = Vec::with_capacity(said.names.len() + said.values.len() + 96);
            body.extend(self.fingerprint.to_le_bytes());
            write_said(&mut body, &said);
            signed(&mut body, key.since);
            body.extend(seen.to_le_bytes());
            pane.content.save(&mut body);
            let name = name(digest, pane.start);
            body.extend(check(&name, &body).to_le_bytes());
            records.push((name, Some(body)));
        }
    }

    /// Take a saved record back; false if it is damaged, or of another shape.
    pub fn restore(&mut self, name: &[u8], body: &[u8]) -> bool {
        let Some((body, sum)) = body.split_last_chunk::<8>() else { return false };
        let right = u64::from_le_bytes(*sum) == check(name, body);
        right && self.restore_checked(name, body)
    }

    /// The same for a record whose sum is right.
    pub fn restore_checked(&mut self, name: &[u8], body: &[u8]) -> bool {
        let saved = self.read(name, body);
        saved.map(|saved| self.take_back(saved)).is_some()
    }

    fn read(&self, name: &[u8], body: &[u8]) -> Option<Saved<C>> {
        let name: Name = name.try_into().ok()?;
        let start = i64::from_be_bytes(*name.last_chunk()?) ^ i64::MIN;
        let mut from = Reader(body);
        if u32::from_le_bytes(from.array()?) != self.fingerprint {
            return None;
        }
        let (resource, names) = (Arc::from(from.text()?), Arc::from(from.text()?));
        let said = Said { resource, names, values: Box::from(from.text()?) };
        let id = said.checked_id().filter(|_| self::name(digest(&said), start) == name)?;
        let (since, seen) = (from.signed()?, u32::from_le_bytes(from.array()?));
        let content = C::restore(&mut from, &self.terms).filter(|_| from.is_empty())?;
        Some(Saved { name, id, said, start, since, seen, content })
    }
}
