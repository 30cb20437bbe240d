//! Which metric a sample belongs to, and as what, by its name and the types that were told.

use super::family::Kind;
use super::table::Table;
use super::texts::Code;

/// What a sample is of its metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Value,
    Bucket,
    Quantile,
    Sum,
    Count,
    /// When the metric began to count.
    Created,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    pub metric: Code,
    pub kind: Kind,
    pub part: Part,
    pub help: Code,
    pub unit: Code,
}

/// Every kind that has more names than its family's: the suffix, and what it stands for.
const SUFFIXES: [(&str, Kind, Part); 12] = [
    ("_bucket", Kind::Histogram, Part::Bucket),
    ("_sum", Kind::Histogram, Part::Sum),
    ("_count", Kind::Histogram, Part::Count),
    ("_created", Kind::Histogram, Part::Created),
    ("_sum", Kind::Summary, Part::Sum),
    ("_count", Kind::Summary, Part::Count),
    ("_created", Kind::Summary, Part::Created),
    ("_created", Kind::Counter, Part::Created),
    ("_total", Kind::Counter, Part::Value),
    ("_info", Kind::Info, Part::Value),
    ("_gsum", Kind::GaugeHistogram, Part::Value),
    ("_gcount", Kind::GaugeHistogram, Part::Value),
];

/// The role of samples of a name; `None` for one that has none in its family, such as a histogram's
/// without a suffix.
pub fn role(table: &mut Table, name: Code) -> Option<Role> {
    let text = table.texts.get(name).to_owned();
    if let Some(family) = table.families.get(&name) {
        let part = match family.kind {
            Kind::Histogram => return None,
            Kind::Summary => Part::Quantile,
            _ => Part::Value,
        };
        let (kind, help, unit) = (family.kind, family.help, family.unit);
        return Some(Role { metric: name, kind, part, help, unit });
    }
    let found = SUFFIXES.iter().find_map(|(suffix, kind, part)| {
        let base = table.texts.find(text.strip_suffix(suffix)?)?;
        let family = table.families.get(&base).filter(|family| family.kind == *kind)?;
        Some((base, *family, *part))
    });
    let Some((base, family, part)) = found else {
        let (kind, part) = (Kind::Unknown, Part::Value);
        return Some(Role { metric: name, kind, part, help: 0, unit: 0 });
    };
    let metric = match family.kind {
        // A counter's name is that of its samples, as in the Collector.
        Kind::Counter if part == Part::Created => {
            let total = format!("{}_total", table.texts.get(base));
            table.texts.code(&total)
        }
        Kind::Counter | Kind::GaugeHistogram => name,
        _ => base,
    };
    Some(Role { metric, kind: family.kind, part, help: family.help, unit: family.unit })
}

/// The role of a native histogram, whose name is its family's.
pub fn native_role(table: &Table, name: Code) -> Role {
    let family = table.families.get(&name).copied().unwrap_or_default();
    let (part, help, unit) = (Part::Value, family.help, family.unit);
    let kind = if family.kind == Kind::GaugeHistogram { family.kind } else { Kind::Histogram };
    Role { metric: name, kind, part, help, unit }
}
