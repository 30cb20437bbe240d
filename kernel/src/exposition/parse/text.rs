//! The text formats: Prometheus' own, which is generous with blanks, and `OpenMetrics`, which is not.

use super::Format;
use super::cursor::{Cursor, unescaped};
use super::family::Kind;
use super::table::{Exemplar, Label, Limits, NO_NATIVE, Table};
use crate::wire::{Result, malformed};

pub fn parse(format: Format, body: &[u8], limits: Limits) -> Result<Table> {
    let strict = format == Format::OpenMetrics;
    let text = Cursor { body, at: 0, strict };
    let mut reader = Reader { text, ended: false, table: Table::new(limits) };
    while reader.text.at < body.len() {
        if reader.ended {
            return malformed(reader.text.at, "there is something after # EOF");
        }
        reader.line()?;
    }
    if strict && !reader.ended {
        return malformed(body.len(), "it does not end with # EOF");
    }
    Ok(reader.table)
}

struct Reader<'a> {
    text: Cursor<'a>,
    ended: bool,
    table: Table,
}

impl Reader<'_> {
    fn line(&mut self) -> Result<()> {
        if !self.text.strict {
            self.text.skip_blanks();
            if self.text.take(b'\n') || self.text.at == self.text.body.len() {
                return Ok(());
            }
        }
        if self.text.peek() == Some(b'#') { self.comment() } else { self.sample() }
    }

    fn comment(&mut self) -> Result<()> {
        self.text.at += 1;
        self.text.gap()?;
        if self.text.strict && self.text.take_word(b"EOF") {
            self.ended = true;
            self.text.take(b'\n');
            return Ok(());
        }
        for (word, told) in [(b"HELP", Told::Help), (b"TYPE", Told::Type), (b"UNIT", Told::Unit)] {
            let start = self.text.at;
            let wanted = self.text.strict || told != Told::Unit;
            if wanted && self.text.take_word(word) && matches!(self.text.peek(), Some(b' ' | b'\t'))
            {
                self.text.gap()?;
                return self.tell(told);
            }
            self.text.at = start;
        }
        if self.text.strict {
            return self.text.fault("expected HELP, TYPE, UNIT or EOF");
        }
        self.text.take_while(|byte| byte != b'\n');
        self.text.take(b'\n');
        Ok(())
    }

    /// What a comment says of a family.
    fn tell(&mut self, told: Told) -> Result<()> {
        let Some(name) = self.text.metric_name()? else {
            return self.text.fault("expected a metric's name");
        };
        if self.text.peek() != Some(b'\n') {
            self.text.gap()?;
        }
        let start = self.text.at;
        let line = self.text.take_while(|byte| byte != b'\n');
        self.text.end_of_line()?;
        let Ok(said) = str::from_utf8(line) else {
            return malformed(start, "a text is not valid UTF-8");
        };
        let code = self.table.texts.code(&name);
        match told {
            Told::Help => {
                let help = self.table.texts.code(&unescaped(said, self.text.strict));
                self.table.families.entry(code).or_default().help = help;
            }
            Told::Type => {
                let Some(kind) = Kind::by_name(said.trim_ascii().as_bytes()) else {
                    return malformed(start, "expected the type of a metric");
                };
                self.table.families.entry(code).or_default().kind = kind;
            }
            Told::Unit => {
                let suffix = name.strip_suffix(said).is_some_and(|rest| rest.ends_with('_'));
                if !said.is_empty() && !suffix {
                    return malformed(start, "the metric's name does not end with this unit");
                }
                let unit = self.table.texts.code(said);
                self.table.families.entry(code).or_default().unit = unit;
            }
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<()> {
        let start = self.text.at;
        let braced = self.text.peek() == Some(b'{');
        if !braced {
            let plain = self.text.peek() != Some(b'"');
            let Some(name) = self.text.metric_name()?.filter(|_| plain) else {
                return malformed(start, "expected a metric's name");
            };
            self.table.label("__name__", &name);
            if !self.text.strict {
                self.text.skip_blanks();
            }
        }
        if self.text.take(b'{') {
            let mut named = !braced;
            let Self { text, table, .. } = self;
            text.labels(|name, value| match value {
                Some(value) => {
                    table.label(&name, &value);
                    true
                }
                None if named => false,
                None => {
                    named = true;
                    table.label("__name__", &name);
                    true
                }
            })?;
            if !named {
                return malformed(start, "a sample has no name");
            }
        }
        self.text.gap()?;
        let value = self.text.number("expected a value")?;
        let time = self.text.time()?;
        self.exemplar()?;
        self.text.end_of_line()?;
        self.table.sample(value, time, NO_NATIVE, start)
    }

    fn exemplar(&mut self) -> Result<()> {
        if !self.text.strict || !self.text.take_word(b" # ") {
            return Ok(());
        }
        if !self.text.take(b'{') {
            return self.text.fault("expected the labels of an exemplar");
        }
        let mut labels = Vec::new();
        let Self { text, table, .. } = self;
        text.labels(|name, value| {
            let Some(value) = value else { return false };
            let (name, value) = (table.texts.code(&name), table.texts.code(&value));
            labels.push(Label { name, value });
            true
        })?;
        self.text.gap()?;
        let value = self.text.number("expected the value of an exemplar")?;
        let time = self.text.time()?;
        let sample = self.table.samples.len() as u32;
        self.table.exemplars.push(Exemplar { sample, labels, value, time });
        Ok(())
    }
}

/// What a comment tells.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Help,
    Type,
    Unit,
}
