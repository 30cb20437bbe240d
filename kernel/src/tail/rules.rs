//! What is done with every file of a receiver.

use serde::Deserialize;

use super::encoding::Encoding;
use super::program::Program;
use super::split::Splitter;
use super::value::Map;

#[derive(Deserialize)]
pub struct Rules {
    pub encoding: Encoding,
    #[serde(flatten)]
    pub splitter: Splitter,
    pub attributes: Map<'static>,
    pub resource: Map<'static>,
    /// Whether entries are told their number and their offset in the file.
    pub record_number: bool,
    pub record_offset: bool,
    #[serde(default)]
    pub operators: Program,
}

impl Rules {
    /// From settings in JSON.
    pub fn read(settings: &str) -> serde_json::Result<Self> {
        serde_json::from_str(settings)
    }
}
