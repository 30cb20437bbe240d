//! Points that say that their series have no value any more.

use std::sync::Arc;

use super::exponential::Exponential;
use super::histogram::Histogram;
use super::point::{NO_RECORDED_VALUE, Point};
use super::value::{Summary, Value};
use crate::payload::Payload;
use crate::schema::Message;
use crate::select::replace;
use crate::splices::Splices;
use crate::wire::Fields;

/// Every point without its value, of that time in Unix nanoseconds.
pub fn stale(payloads: &[Arc<Payload>], time: u64) -> Vec<Arc<Payload>> {
    payloads.iter().map(|payload| Arc::new(of(payload, time))).collect()
}

fn of(payload: &Payload, time: u64) -> Payload {
    let mut splices = Splices::of(payload.index());
    let last = payload.index().levels.len() - 1;
    for (i, item) in payload.index().items().iter().enumerate() {
        let message = payload.message_of(last, i);
        let body = item.body(payload.bytes());
        splices.put_all(last, i, item, &[], |out| write(out, message, body, time));
    }
    replace(payload, &splices)
}

fn write(out: &mut Vec<u8>, message: &'static Message, body: &[u8], time: u64) {
    let mut point = Point::read(message, body);
    point.time = time;
    point.flags |= NO_RECORDED_VALUE;
    match &mut point.value {
        Value::Histogram(value) => **value = Histogram::default(),
        Value::Exponential(value) => **value = Exponential::default(),
        Value::Summary(value) => **value = Summary::default(),
        value => *value = Value::Absent,
    }
    let is_attribute = |number| message.field(number).is_some_and(|field| field.pairs);
    let attributes = Fields::new(body).filter(|field| is_attribute(field.number));
    let attributes: Vec<u8> =
        attributes.flat_map(|field| &body[field.tag..field.end]).copied().collect();
    point.write(out, message, &attributes);
}
