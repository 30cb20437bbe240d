//! Messages of Kafka.

pub mod logs;
