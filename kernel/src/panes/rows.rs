//! What panes came to together: a row for each key.

use super::content::{Content, Figure};
use super::labels::Said;
use super::store::Store;
use crate::series::identity::Id;

/// Keys and what they came to, whatever their shape.
pub trait Rows: Send + Sync {
    fn keys(&self) -> &[Called];

    /// A number of each; `None` for what is never told of this shape.
    fn figures(&self, figure: Figure) -> Option<Vec<f64>>;

    /// How many there were of each class or in each bucket, key after key, and how many of those a
    /// key has; `None` if it has none.
    fn counts(&self) -> Option<(Vec<u64>, usize)>;
}

/// What a key is called.
pub struct Called {
    pub id: Id,
    pub said: Said,
}

struct Merged<C: Content> {
    keys: Vec<Called>,
    contents: Vec<C>,
    terms: C::Terms,
}

impl<C: Content> Rows for Merged<C> {
    fn keys(&self) -> &[Called] {
        &self.keys
    }

    fn figures(&self, figure: Figure) -> Option<Vec<f64>> {
        C::default().figure(figure, &self.terms)?;
        self.contents.iter().map(|content| content.figure(figure, &self.terms)).collect()
    }

    fn counts(&self) -> Option<(Vec<u64>, usize)> {
        let width = C::default().counts(&self.terms)?.len();
        let counts = self.contents.iter().filter_map(|content| content.counts(&self.terms));
        Some((counts.flatten().collect(), width))
    }
}

impl<C: Content> Store<C> {
    /// What the panes of each key came to that start from `first` on and before `last`.
    pub fn merged(&self, first: i64, last: i64) -> Box<dyn Rows> {
        let (mut keys, mut contents) = (Vec::new(), Vec::new());
        for place in 0..self.keys.places() {
            if let Some(content) = self.content(place, first, last) {
                let said = self.pool.said(&self.keys.get(place).labels);
                keys.push(Called { id: self.keys.id(place), said });
                contents.push(content);
            }
        }
        Box::new(Merged { keys, contents, terms: self.terms.clone() })
    }

    /// What some panes of a key came to; `None` if it has none of them.
    pub fn content(&self, place: u32, first: i64, last: i64) -> Option<C> {
        let (pane, others) = self.keys.get(place).panes.between(first, last).split_first()?;
        let mut content = pane.content.clone();
        for pane in others {
            content.merge(&pane.content, &self.terms);
        }
        Some(content)
    }
}
