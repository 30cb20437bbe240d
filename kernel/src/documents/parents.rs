//! What the resource and the scope of an item say.

use std::borrow::Cow;

use super::fields::Said;
use crate::payload::Payload;
use crate::schema::{LOGS, Message, RESOURCE, SCOPE};

/// The resource and the scope around an item, with the schemas that they keep to.
pub struct Parents<'a> {
    resource: Cow<'a, [u8]>,
    scope: Cow<'a, [u8]>,
    pub resource_schema: &'a [u8],
    pub scope_schema: &'a [u8],
}

const OWN: u32 = 1;
const SCHEMA: u32 = 3;

impl<'a> Parents<'a> {
    /// Of the scope at a place of the index.
    pub fn of(payload: &'a Payload, scope: usize) -> Self {
        let levels = &payload.index().levels;
        let node = &levels[1][scope];
        let around = |level: usize, i: usize| levels[level][i].body(payload.bytes());
        let scope = Said::of(payload.message_of(1, scope), around(1, scope));
        let above = node.parent as usize;
        let resource = Said::of(payload.message_of(0, above), around(0, above));
        Self {
            resource: resource.message(OWN),
            scope: scope.message(OWN),
            resource_schema: resource.bytes(SCHEMA),
            scope_schema: scope.bytes(SCHEMA),
        }
    }

    pub fn resource(&self) -> Said<'_> {
        Said::of(&RESOURCE, &self.resource)
    }

    pub fn scope(&self) -> Said<'_> {
        Said::of(&SCOPE, &self.scope)
    }
}

/// Whether items of a payload are log records.
pub fn is_logs(payload: &Payload) -> bool {
    std::ptr::eq(payload.signal, &raw const LOGS)
}

/// The message that items of a payload of logs or spans are.
pub fn item(payload: &Payload) -> &'static Message {
    payload.message_of(2, 0)
}
