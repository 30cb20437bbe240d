//! Rules of the Prometheus `statsd_exporter`: they make names and labels of names, and say what
//! becomes of values.

use std::sync::Arc;

use ahash::HashMap;
use regex::Regex;

use super::line::Kind;
use super::observer::Observer;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Counters,
    Gauges,
    Observers,
}

impl Scope {
    fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Counter => Self::Counters,
            Kind::Gauge => Self::Gauges,
            Kind::Timing | Kind::Histogram | Kind::Distribution => Self::Observers,
            Kind::Set => return None,
        })
    }
}

/// One rule. `$1` and `${name}` in the name and in labels are groups of the pattern.
pub struct Rule {
    pub pattern: Regex,
    /// `None` for metrics of every type.
    pub scope: Option<Scope>,
    pub drop: bool,
    pub name: String,
    pub labels: Vec<(String, String)>,
    /// Whether tags come before labels of the same name.
    pub honor_labels: bool,
    pub observer: Option<Arc<Observer>>,
    pub scale: f64,
}

/// What a rule makes of one name.
#[derive(Clone, Debug)]
pub struct Mapped {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub honor_labels: bool,
    pub observer: Option<Arc<Observer>>,
    pub scale: f64,
}

/// What becomes of a metric by its name.
#[derive(Clone, Debug)]
pub enum Verdict {
    AsItIs,
    Dropped,
    Mapped(Arc<Mapped>),
}

/// Rules in order, of which the first that matches counts, and what they said of names before.
pub struct Mapping {
    rules: Vec<Rule>,
    said: HashMap<(String, Option<u8>), Verdict>,
}

/// Names that are kept in mind; with more, all of them are forgotten.
const MAX_KNOWN: usize = 10_000;

impl Mapping {
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, said: HashMap::default() }
    }

    pub fn of(&mut self, name: &str, kind: Kind) -> Verdict {
        if self.rules.is_empty() {
            return Verdict::AsItIs;
        }
        let scope = Scope::of(kind);
        let key = (name.to_owned(), scope.map(|scope| scope as u8));
        if let Some(said) = self.said.get(&key) {
            return said.clone();
        }
        let verdict = self.rules.iter().find_map(|rule| rule.apply(name, scope));
        let verdict = verdict.unwrap_or(Verdict::AsItIs);
        if self.said.len() >= MAX_KNOWN {
            self.said.clear();
        }
        self.said.insert(key, verdict.clone());
        verdict
    }
}

impl Rule {
    fn apply(&self, name: &str, scope: Option<Scope>) -> Option<Verdict> {
        if self.scope.is_some() && self.scope != scope {
            return None;
        }
        let found = self.pattern.captures(name)?;
        if self.drop {
            return Some(Verdict::Dropped);
        }
        let expand = |template: &String| {
            let mut out = String::new();
            found.expand(template, &mut out);
            out
        };
        let labels = self.labels.iter().map(|(key, value)| (key.clone(), expand(value)));
        Some(Verdict::Mapped(Arc::new(Mapped {
            name: expand(&self.name),
            labels: labels.collect(),
            honor_labels: self.honor_labels,
            observer: self.observer.clone(),
            scale: self.scale,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, name: &str) -> Rule {
        Rule {
            pattern: Regex::new(pattern).expect("a pattern"),
            scope: None,
            drop: false,
            name: name.into(),
            labels: vec![("part".into(), "${1}_x".into())],
            honor_labels: false,
            observer: None,
            scale: 1.0,
        }
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let mut other = rule("^a[.].*$", "other");
        other.drop = true;
        let mut mapping = Mapping::new(vec![rule("^a[.]([^.]*)$", "named_$1"), other]);
        for _ in 0..2 {
            let Verdict::Mapped(found) = mapping.of("a.b", Kind::Counter) else { panic!("mapped") };
            assert_eq!((&*found.name, &*found.labels[0].1), ("named_b", "b_x"));
            assert!(matches!(mapping.of("a.b.c", Kind::Gauge), Verdict::Dropped));
            assert!(matches!(mapping.of("b", Kind::Gauge), Verdict::AsItIs));
        }
    }

    #[test]
    fn a_rule_may_be_about_one_type() {
        let mut gauges = rule("^a$", "gauges");
        gauges.scope = Some(Scope::Gauges);
        let mut mapping = Mapping::new(vec![gauges]);
        assert!(matches!(mapping.of("a", Kind::Gauge), Verdict::Mapped(_)));
        assert!(matches!(mapping.of("a", Kind::Counter), Verdict::AsItIs));
        assert!(matches!(mapping.of("a", Kind::Set), Verdict::AsItIs));
    }
}
