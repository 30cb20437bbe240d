//! The texts of an exposition, of which there are far fewer than places where they stand.

use std::sync::Arc;

use ahash::HashMap;

/// A text, by its place among the texts of a table.
pub type Code = u32;

/// The code of the empty text, which stands for a label that is absent.
pub const EMPTY: Code = 0;
/// The code of `__name__`.
pub const NAME: Code = 1;

/// Every distinct text, once.
#[derive(Default)]
pub struct Texts {
    codes: HashMap<Arc<str>, Code>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    pub fn code(&mut self, text: &str) -> Code {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let code = (self.texts.len() - 1) as Code;
        self.codes.insert(text, code);
        code
    }

    pub fn find(&self, text: &str) -> Option<Code> {
        self.codes.get(text).copied()
    }

    pub fn get(&self, code: Code) -> &str {
        &self.texts[code as usize]
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }
}
