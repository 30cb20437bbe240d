//! What the bulk API answers: what became of each document.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default, borrow)]
    items: Vec<BTreeMap<&'a str, Outcome>>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    error: Option<Cause>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Cause {
    Told {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        caused_by: Option<Box<Cause>>,
    },
    Text(String),
    Other(serde::de::IgnoredAny),
}

/// Reasons that are kept of one answer.
const MAX_REASONS: usize = 16;

/// The status of each document, and what was said of some that failed: status, type and reason.
pub struct Outcomes {
    pub statuses: Vec<u16>,
    pub reasons: Vec<(u16, String, String)>,
}

/// Read an answer; `None` for what is none.
pub fn read(body: &[u8]) -> Option<Outcomes> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let mut outcomes =
        Outcomes { statuses: Vec::with_capacity(answer.items.len()), reasons: vec![] };
    for item in answer.items {
        let outcome = item.into_values().next()?;
        outcomes.statuses.push(outcome.status);
        let Some((kind, reason)) = outcome.error.map(told) else { continue };
        let known =
            outcomes.reasons.iter().any(|(status, it, _)| (*status, it) == (outcome.status, &kind));
        if !known && outcomes.reasons.len() < MAX_REASONS {
            outcomes.reasons.push((outcome.status, kind, reason));
        }
    }
    Some(outcomes)
}

fn told(cause: Cause) -> (String, String) {
    match cause {
        Cause::Told { kind, reason, caused_by } => {
            let mut reason = reason.unwrap_or_default();
            if let Some((_, deeper)) = caused_by.map(|it| told(*it)).filter(|it| !it.1.is_empty()) {
                reason = format!("{reason}: {deeper}");
            }
            (kind.unwrap_or_default(), reason)
        }
        Cause::Text(reason) => (String::new(), reason),
        Cause::Other(_) => (String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_come_by_document_and_reasons_once_a_kind() {
        let failed = r#"{"create":{"status":400,"error":{"type":"mapper_parsing_exception",
            "reason":"failed to parse","caused_by":{"type":"x","reason":"no number"}}}}"#;
        let json = format!(r#"{{"items":[{{"create":{{"status":201}}}},{failed},{failed}]}}"#);
        let outcomes = read(json.as_bytes()).unwrap();
        assert_eq!(outcomes.statuses, [201, 400, 400]);
        let reason = "failed to parse: no number".to_owned();
        assert_eq!(outcomes.reasons, [(400, "mapper_parsing_exception".to_owned(), reason)]);
    }

    #[test]
    fn other_answers_are_none() {
        for json in ["", r#"{"items":[{}]}"#, r#"{"items":3}"#, "<html>"] {
            assert!(read(json.as_bytes()).is_none(), "{json}");
        }
    }
}
