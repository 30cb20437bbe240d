//! Items as documents: one dict each, with what its parents say.

use std::iter;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::merge::{Part, bodies, by_field, merge};
use crate::schema::{Field, Kind, Message, Signal};
use crate::value;

/// One dict for each item of a request that has been checked, in order.
///
/// Keys are the names of the item's fields, and the signal's other contexts: `resource`, `scope`
/// and, for data points, `metric`, whose `type` is the name of its data's field. A field is there
/// if it is set or, having no presence, is not 0 and not empty; the contexts are always there. The
/// items below one parent share its dicts.
pub fn rows<'py>(
    py: Python<'py>,
    signal: &'static Signal,
    payload: &[u8],
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let mut walk = Walk { py, signal, rows: Vec::new() };
    let request = merge(signal.request, iter::once(payload));
    walk.descend(0, &request, &PyDict::new(py))?;
    Ok(walk.rows)
}

struct Walk<'py> {
    py: Python<'py>,
    signal: &'static Signal,
    rows: Vec<Bound<'py, PyDict>>,
}

impl<'py> Walk<'py> {
    /// Visit what the fields lead to. `above` is what the parents say.
    ///
    /// With `visit` it recurses as deep as the signal has levels.
    fn descend(
        &mut self,
        level: usize,
        fields: &[Part],
        above: &Bound<'py, PyDict>,
    ) -> PyResult<()> {
        let down = self.signal.levels[level];
        for parts in by_field(fields).filter(|parts| down.contains(&parts[0].field.number)) {
            let step = if parts[0].field.repeated { 1 } else { parts.len() };
            for occurrence in parts.chunks(step) {
                self.visit(level, occurrence, above)?;
            }
        }
        Ok(())
    }

    fn visit(&mut self, level: usize, parts: &[Part], above: &Bound<'py, PyDict>) -> PyResult<()> {
        let field = parts[0].field;
        let Kind::Message(message) = field.kind else { return Ok(()) };
        let fields = merge(message, bodies(parts));
        let row = above.copy()?;
        let Some(down) = self.signal.levels.get(level + 1) else {
            row.update(value::message(self.py, &fields)?.as_mapping())?;
            self.rows.push(row);
            return Ok(());
        };
        let (down, own): (Vec<_>, Vec<_>) =
            fields.iter().partition(|part| down.contains(&part.field.number));
        self.add_parent(&row, level, field, message, &own)?;
        self.descend(level + 1, &down, &row)
    }

    /// Add to `row` what `own`, the fields of a `message` that `field` led to, say of its items.
    fn add_parent(
        &self,
        row: &Bound<'py, PyDict>,
        level: usize,
        field: &Field,
        message: &Message,
        own: &[Part],
    ) -> PyResult<()> {
        let own = value::message(self.py, own)?;
        let context = self.context(level);
        if message.by_name(context).is_some() {
            row.set_item(context, PyDict::new(self.py))?;
            for (name, value) in own {
                let is_context = name.eq(context)?;
                let key = if is_context { context.into() } else { format!("{context}_{name}") };
                row.set_item(key, value)?;
            }
            return Ok(());
        }
        let whole = PyDict::new(self.py);
        if let Some(begun) = row.get_item(context)? {
            whole.update(begun.cast::<PyDict>()?.as_mapping())?;
        }
        if field.oneof {
            whole.set_item("type", field.name)?;
        }
        whole.update(own.as_mapping())?;
        row.set_item(context, whole)
    }

    /// The context that a level belongs to: its own or the one above it.
    fn context(&self, level: usize) -> &'static str {
        let above = self.signal.contexts.iter().take_while(|(_, at)| *at <= level);
        above.last().map_or("", |(name, _)| name)
    }
}
