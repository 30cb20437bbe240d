//! `penstock._kernel`: small verbs on OTLP bytes. It knows the wire, and no policy.

pub mod schema;
pub mod wire;
