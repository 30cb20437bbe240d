//! Keys to which nothing comes any more.

use ahash::HashMap;

use super::content::Content;
use super::store::{Key, Store, note_gone, seconds};

impl<C: Content> Store<C> {
    /// Forget the keys of resources to which nothing was added since; how many.
    pub fn expire_resources(&mut self, idle_since: i64) -> usize {
        let key = |place| (self.keys.get(place).labels.resource(), self.keys.seen(place));
        let there = |place: &u32| !self.keys.get(*place).panes.all().is_empty();
        let mut last = HashMap::<u32, u32>::default();
        for (resource, seen) in (0..self.keys.places()).filter(there).map(key) {
            let last = last.entry(resource).or_default();
            *last = seen.max(*last);
        }
        let idle = |place: &u32| there(place) && last[&key(*place).0] < seconds(idle_since);
        let idle: Vec<u32> = (0..self.keys.places()).filter(idle).collect();
        for place in &idle {
            let Key { labels, panes, .. } = self.keys.get(*place);
            note_gone(&mut self.notes, &self.pool, labels, panes.all());
            self.remove(*place);
        }
        idle.len()
    }
}
