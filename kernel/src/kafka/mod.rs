//! Messages of Kafka.

pub mod logs;
pub mod spans;
