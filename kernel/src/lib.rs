//! `penstock._kernel`: small verbs on OTLP bytes. It knows the wire, and no policy.

pub mod batch;
pub mod changes;
pub mod check;
pub mod column;
mod columns;
pub mod compact;
pub mod dictionary;
pub mod distinct;
pub mod documents;
pub mod edges;
pub mod edit;
pub mod encode;
pub mod encoding;
pub mod exposition;
pub mod hash;
pub mod index;
pub mod inner;
pub mod intake;
pub mod jaeger;
pub mod json;
pub mod kafka;
pub mod key;
pub mod keys;
pub mod lock;
pub mod lookup;
pub mod memory;
pub mod merge;
pub mod panes;
pub mod parts;
pub mod path;
pub mod pattern;
pub mod payload;
pub mod pool;
pub mod push;
pub mod remote_write;
pub mod rows;
pub mod scalar;
pub mod schema;
pub mod select;
pub mod series;
pub mod splices;
pub mod split;
pub mod statsd;
pub mod tail;
pub mod task;
pub mod value;
pub mod wire;
pub mod zipkin;

use pyo3::prelude::*;

#[cfg(not(fuzzing))] // which wants an allocator that finds faults
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule]
fn _kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("MalformedPayload", module.py().get_type::<batch::MalformedPayload>())?;
    module.add_class::<batch::Batch>()?;
    module.add_class::<edges::python::Edges>()?;
    module.add_class::<exposition::Exposition>()?;
    module.add_class::<exposition::Scrape>()?;
    module.add_class::<exposition::Unknown>()?;
    module.add_class::<intake::Claim>()?;
    module.add_class::<intake::Gate>()?;
    module.add_class::<panes::python::Keys>()?;
    module.add_class::<panes::waiting::Pairs>()?;
    module.add_class::<panes::python::Panes>()?;
    module.add_class::<panes::results::Result>()?;
    module.add_class::<pattern::Pattern>()?;
    module.add_class::<intake::Group>()?;
    module.add_class::<intake::Intake>()?;
    module.add_class::<intake::Terms>()?;
    module.add_class::<intake::Tls>()?;
    module.add_class::<exposition::parse::Samples>()?;
    module.add_class::<intake::Cors>()?;
    module.add_class::<series::budgets::Admission>()?;
    module.add_class::<remote_write::python::RemoteWrite>()?;
    module.add_class::<remote_write::python::WriteRequest>()?;
    module.add_class::<series::verbs::Differences>()?;
    module.add_class::<series::verbs::Fold>()?;
    module.add_class::<series::budgets::Sketches>()?;
    module.add_class::<series::verbs::Totals>()?;
    module.add_class::<statsd::Statsd>()?;
    module.add_class::<tail::python::LogFile>()?;
    module.add_class::<tail::python::LogRecords>()?;
    module.add_class::<tail::python::LogRules>()?;
    module.add_function(wrap_pyfunction!(documents::python::bulk_bodies, module)?)?;
    module.add_function(wrap_pyfunction!(documents::python::bulk_outcomes, module)?)?;
    module.add_function(wrap_pyfunction!(hash::fnv1a_32, module)?)?;
    module.add_function(wrap_pyfunction!(hash::xxh64, module)?)?;
    module.add_function(wrap_pyfunction!(kafka::logs::log_bodies, module)?)?;
    module.add_function(wrap_pyfunction!(kafka::logs::log_records, module)?)?;
    module.add_function(wrap_pyfunction!(kafka::spans::jaeger_messages, module)?)?;
    module.add_function(wrap_pyfunction!(kafka::spans::read_spans, module)?)?;
    module.add_function(wrap_pyfunction!(kafka::spans::zipkin_message, module)?)?;
    module.add_function(wrap_pyfunction!(panes::python::value_hashes, module)?)?;
    module.add_function(wrap_pyfunction!(push::python::decompressed, module)?)?;
    module.add_function(wrap_pyfunction!(push::python::read_items, module)?)?;
    module.add_function(wrap_pyfunction!(push::python::read_lines, module)?)?;
    module.add_function(wrap_pyfunction!(push::python::read_webhook, module)?)?;
    module.add_function(wrap_pyfunction!(memory::give_back_freed_memory, module)?)?;
    module.add_function(wrap_pyfunction!(memory::hold_at_most, module)?)?;
    module.add_function(wrap_pyfunction!(memory::keep_freed_memory, module)?)?;
    module.add_function(wrap_pyfunction!(series::points::as_gauges, module)?)?;
    module.add_function(wrap_pyfunction!(series::points::combine_points, module)?)?;
    module.add_function(wrap_pyfunction!(series::points::scale_points, module)?)?;
    module.add_function(wrap_pyfunction!(series::points::set_point_values, module)?)?;
    module.add_function(wrap_pyfunction!(series::points::toggle_points, module)?)
}
