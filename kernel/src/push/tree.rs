//! A request in the making: equal resources, scopes and metrics are written once.

use crate::distinct::Distinct;
use crate::encode::write_record;
use crate::series::value::Value;
use crate::wire::write_number;

/// The bodies of a resource and a scope.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    pub resource: Vec<u8>,
    pub scope: Vec<u8>,
}

/// What kind of data a metric has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Gauge,
    Sum { delta: bool, monotonic: bool },
    Histogram { delta: bool },
    Summary,
}

/// A metric without its points.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Head {
    pub origin: u32,
    /// Its fields but for the data: name, description, unit.
    pub body: Vec<u8>,
    pub kind: Kind,
}

#[derive(Default)]
pub struct Tree {
    origins: Distinct<Origin>,
    heads: Distinct<Head>,
    /// The points of each head, and the log records of each origin.
    points: Vec<Vec<u8>>,
    records: Vec<Vec<u8>>,
    pub items: usize,
    /// Bytes of the items, so far.
    pub size: usize,
}

const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

impl Kind {
    /// The number of the metric's field that holds its data.
    fn data(self) -> u32 {
        match self {
            Self::Gauge => 5,
            Self::Sum { .. } => 7,
            Self::Histogram { .. } => 9,
            Self::Summary => 11,
        }
    }

    /// The number of the field with the attributes of a point.
    pub fn attributes(self) -> u32 {
        if let Self::Histogram { .. } = self { 9 } else { 7 }
    }

    fn write(self, out: &mut Vec<u8>) {
        let temporality = |delta| if delta { DELTA } else { CUMULATIVE };
        match self {
            Self::Gauge | Self::Summary => {}
            Self::Histogram { delta } => write_number(out, 2, temporality(delta)),
            Self::Sum { delta, monotonic } => {
                write_number(out, 2, temporality(delta));
                write_number(out, 3, u64::from(monotonic));
            }
        }
    }
}

impl Tree {
    pub fn origin(&mut self, origin: Origin) -> u32 {
        self.origins.number(origin)
    }

    pub fn point(&mut self, head: Head, body: &[u8]) {
        let head = self.heads.number(head);
        self.add(body, 1, head, |tree| &mut tree.points);
    }

    pub fn record(&mut self, origin: u32, body: &[u8]) {
        self.add(body, 2, origin, |tree| &mut tree.records);
    }

    fn add(&mut self, body: &[u8], number: u32, at: u32, of: fn(&mut Self) -> &mut Vec<Vec<u8>>) {
        self.items += 1;
        self.size += body.len();
        let lists = of(self);
        let at = at as usize;
        if lists.len() <= at {
            lists.resize_with(at + 1, Vec::new);
        }
        write_record(&mut lists[at], number, body);
    }

    /// The encoding of the request, of log records or of metrics.
    pub fn write(self) -> Vec<u8> {
        let Self { origins, heads, points, mut records, .. } = self;
        records.resize_with(origins.values.len(), Vec::new);
        for (head, points) in heads.values.iter().zip(points) {
            write_record(&mut records[head.origin as usize], 2, &metric(head, points));
        }
        let mut out = Vec::new();
        for (origin, items) in origins.values.iter().zip(&records).filter(|it| !it.1.is_empty()) {
            let (mut resource, mut scope) = (Vec::new(), Vec::new());
            write_record(&mut scope, 1, &origin.scope);
            scope.extend_from_slice(items);
            write_record(&mut resource, 1, &origin.resource);
            write_record(&mut resource, 2, &scope);
            write_record(&mut out, 1, &resource);
        }
        out
    }
}

fn metric(head: &Head, mut points: Vec<u8>) -> Vec<u8> {
    head.kind.write(&mut points);
    let mut body = head.body.clone();
    write_record(&mut body, head.kind.data(), &points);
    body
}

/// A number as the point of a series holds it: what no integer of OTLP can be is a double.
pub fn unsigned(value: u64) -> Value {
    i64::try_from(value).map_or(Value::Double(value as f64), Value::Int)
}
