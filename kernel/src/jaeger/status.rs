//! The status of a span of OTLP, by tags of Jaeger.

use crate::tail::value::{Map, Text, Value};

const CLIENT: u64 = 3;
const SERVER: u64 = 2;
const OK: u64 = 1;
const ERROR: u64 = 2;

const CODE: &str = "otel.status_code";
const DESCRIPTION: &str = "otel.status_description";
const HTTP_CODE: &str = "http.status_code";
const HTTP_MESSAGE: &str = "http.status_message";

#[derive(Default)]
pub struct Status<'a> {
    pub code: u64,
    pub message: Text<'a>,
}

/// The status that tags tell of, which are taken away where they tell of nothing else. `error` counts
/// more than the code of OpenTelemetry, and that more than the code of HTTP.
pub fn take<'a>(tags: &mut Map<'a>, kind: u64) -> Status<'a> {
    let failed = matches!(tags.get("error"), Some(Value::Bool(true)));
    let code = tags.remove(CODE);
    if failed {
        tags.remove("error");
        let message = description(tags).unwrap_or_else(|| text_at(tags, HTTP_MESSAGE));
        return Status { code: ERROR, message };
    }
    if let Some(code) = code {
        let message = description(tags).unwrap_or_default();
        return Status { code: named(code.text().unwrap_or_default()), message };
    }
    match tags.get(HTTP_CODE).and_then(number).map(|code| by_http(code, kind)) {
        Some(ERROR) => Status { code: ERROR, message: text_at(tags, HTTP_MESSAGE) },
        _ => Status::default(),
    }
}

fn description<'a>(tags: &mut Map<'a>) -> Option<Text<'a>> {
    tags.remove(DESCRIPTION).map(|value| match value {
        Value::Text(text) => text,
        _ => Text::default(),
    })
}

fn text_at<'a>(tags: &Map<'a>, key: &str) -> Text<'a> {
    match tags.get(key) {
        Some(Value::Text(text)) => text.clone(),
        _ => Text::default(),
    }
}

fn named(code: &str) -> u64 {
    if code.eq_ignore_ascii_case("OK") {
        OK
    } else if code.eq_ignore_ascii_case("ERROR") {
        ERROR
    } else {
        0
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// A request that makes no sense is the fault of who sent it.
fn by_http(code: i64, kind: u64) -> u64 {
    match code {
        400..500 if kind == CLIENT => ERROR,
        400..500 if kind == SERVER => 0,
        100..400 => 0,
        _ => ERROR,
    }
}
