//! Where documents go, and how they look there.

/// How a document is made of an item, under the Collector's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Otel,
    Ecs,
    None,
    Raw,
    Bodymap,
    /// No documents.
    Nothing,
}

impl Mode {
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "otel" => Self::Otel,
            "ecs" => Self::Ecs,
            "none" => Self::None,
            "raw" => Self::Raw,
            "bodymap" => Self::Bodymap,
            "" => Self::Nothing,
            _ => return None,
        })
    }
}

/// Where a document goes.
#[derive(Clone, Debug)]
pub struct Route {
    pub mode: Mode,
    /// The beginning of its action, up to and with the name of the index.
    pub head: Vec<u8>,
    /// Type, dataset and namespace, where it is a data stream.
    pub stream: Option<[String; 3]>,
}

/// What the documents of a batch have in common.
#[derive(Clone, Debug)]
pub struct Plan {
    pub routes: Vec<Route>,
    /// The route of each item, and of each span event.
    pub items: Vec<u32>,
    pub events: Vec<u32>,
    /// Whether attributes say the ids of documents, and their pipelines.
    pub ids: bool,
    pub pipelines: bool,
    /// Whether actions say what metrics are.
    pub templates: bool,
    pub max_bytes: usize,
    pub max_documents: usize,
    /// Bytes of bodies after which the others are written another time: every document repeats its
    /// resource, however long that is.
    pub max_total: usize,
    /// The level of gzip, if bodies are compressed.
    pub level: Option<u32>,
}

/// Where writing begins: an item of logs and spans, or a document of metrics, and the span events
/// before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub at: usize,
    pub events: usize,
}

pub const DOCUMENT_ID: &[u8] = b"elasticsearch.document_id";
pub const PIPELINE: &[u8] = b"elasticsearch.document_pipeline";

/// Attributes that are about the document, and no part of it where the mode knows them.
const ABOUT: [&[u8]; 8] = [
    b"data_stream.type",
    b"data_stream.dataset",
    b"data_stream.namespace",
    b"elasticsearch.mapping.hints",
    b"elastic.mapping.mode",
    b"elasticsearch.index",
    DOCUMENT_ID,
    PIPELINE,
];

pub fn is_about(key: &[u8]) -> bool {
    (key.starts_with(b"data_stream.") || key.starts_with(b"elastic")) && ABOUT.contains(&key)
}
