//! Events and service checks of `DogStatsD`: lines that are told one by one.

use memchr::memmem;

use super::fault::Fault;
use super::line::{About, section_at};
use super::number::whole;

/// An event, or the state of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event<'a> {
    pub what: What<'a>,
    /// What it says of itself, with line ends as they are meant.
    pub text: Vec<u8>,
    pub about: About<'a>,
    /// When it was, in seconds of Unix.
    pub time: Option<u64>,
    pub host: &'a [u8],
}

#[derive(Clone, Debug, PartialEq)]
pub enum What<'a> {
    Event { title: Vec<u8>, priority: &'a [u8], alert: &'a [u8], group: &'a [u8], source: &'a [u8] },
    Check { name: &'a [u8], status: Status },
}

impl Default for What<'_> {
    fn default() -> Self {
        Self::Check { name: b"", status: Status::Unknown }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Warning,
    Critical,
    Unknown,
}

/// Read `_e{…}:…` or `_sc|…`; `None` for a line that is neither.
pub fn read(line: &[u8]) -> Option<Result<Event<'_>, Fault>> {
    match line {
        [b'_', b'e', b'{', rest @ ..] => Some(event(rest).ok_or(Fault::Event)),
        [b'_', b's', b'c', b'|', rest @ ..] => Some(check(rest).ok_or(Fault::ServiceCheck)),
        _ => None,
    }
}

/// `5,4}:title|text|…`: the lengths are of bytes, since both may hold bars.
fn event(text: &[u8]) -> Option<Event<'_>> {
    let end = memmem::find(text, b"}:")?;
    let (lengths, rest) = (&text[..end], &text[end + 2..]);
    let comma = lengths.iter().position(|byte| *byte == b',')?;
    let (title_len, text_len) = (size(&lengths[..comma])?, size(&lengths[comma + 1..])?);
    let (title, rest) = rest.split_at_checked(title_len)?;
    let (text, rest) = rest.strip_prefix(b"|")?.split_at_checked(text_len)?;
    if title.is_empty() || !matches!(rest, [] | [b'|', ..]) {
        return None;
    }
    let mut event = Event { text: with_line_ends(text), ..Event::default() };
    let (mut priority, mut alert, mut group, mut source) = (&b""[..], &b""[..], &b""[..], &b""[..]);
    each_section(rest, |section| {
        match section {
            [b'p', b':', it @ ..] => priority = it,
            [b't', b':', it @ ..] => alert = it,
            [b'k', b':', it @ ..] => group = it,
            [b's', b':', it @ ..] => source = it,
            _ => return event.say(section),
        }
        Some(())
    })?;
    event.what = What::Event { title: with_line_ends(title), priority, alert, group, source };
    Some(event)
}

/// `name|status|…|m:message`, where the message is the last.
fn check(text: &[u8]) -> Option<Event<'_>> {
    let (name, at) = section_at(text, 0);
    if name.is_empty() || at >= text.len() {
        return None;
    }
    let (status, at) = section_at(text, at);
    let status = match status {
        b"0" => Status::Ok,
        b"1" => Status::Warning,
        b"2" => Status::Critical,
        b"3" => Status::Unknown,
        _ => return None,
    };
    let mut event = Event { what: What::Check { name, status }, ..Event::default() };
    let rest = &text[at.saturating_sub(1)..];
    let (rest, message) = match memmem::find(rest, b"|m:") {
        Some(at) => (&rest[..at], &rest[at + 3..]),
        None => (rest, &b""[..]),
    };
    each_section(rest, |section| event.say(section))?;
    event.text = with_line_ends(message);
    Some(event)
}

impl<'a> Event<'a> {
    /// Take a section that both have.
    fn say(&mut self, section: &'a [u8]) -> Option<()> {
        match section {
            [b'd', b':', it @ ..] => self.time = Some(whole(it)?),
            [b'h', b':', it @ ..] => self.host = it,
            [b'#', it @ ..] => self.about.tags = it,
            [b'c', b':', it @ ..] => self.about.container = it,
            [b'e', b':', ..] | [] => {}
            _ => return None,
        }
        Some(())
    }
}

/// Of a text that is empty or begins with a bar.
fn each_section<'a>(text: &'a [u8], mut take: impl FnMut(&'a [u8]) -> Option<()>) -> Option<()> {
    let mut at = 1;
    while at < text.len() {
        let (section, next) = section_at(text, at);
        take(section)?;
        at = next;
    }
    Some(())
}

fn size(text: &[u8]) -> Option<usize> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// A line end is written as `\n`, since real ones are between lines.
fn with_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memmem::find(rest, b"\\n") {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\n');
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_bars_in_its_text() {
        let line = b"_e{5,8}:a | b|one\\n|wo|d:1656581400|h:web|p:low|t:error|k:g|s:src|#k:v|c:id";
        let event = read(line).expect("an event").expect("a good one");
        assert_eq!(event.text, b"one\n|wo");
        assert_eq!((event.host, event.time), (&b"web"[..], Some(1_656_581_400)));
        assert_eq!(event.about, About { tags: b"k:v", container: b"id" });
        let What::Event { title, priority, alert, group, source } = event.what else {
            panic!("an event")
        };
        assert_eq!(title, b"a | b");
        assert_eq!(
            (priority, alert, group, source),
            (&b"low"[..], &b"error"[..], &b"g"[..], &b"src"[..])
        );
    }

    #[test]
    fn a_service_check_ends_with_its_message() {
        let event = read(b"_sc|db|2|d:5|#k:v|m:down | \\n again").expect("one").expect("good");
        assert_eq!(event.what, What::Check { name: b"db", status: Status::Critical });
        assert_eq!((event.text, event.time), (b"down | \n again".to_vec(), Some(5)));
        assert_eq!(read(b"_sc|db|0").expect("one").expect("good").text, b"");
    }

    #[test]
    fn what_is_neither_is_left_to_others_and_faults_have_reasons() {
        assert_eq!(read(b"_e:1|c"), None);
        for line in [&b"_e{1,1}:ab|c"[..], b"_e{0,1}:|c", b"_e{9,9}:a|b", b"_e{1,1}:a|b|?", b"_e{1"]
        {
            assert_eq!(read(line), Some(Err(Fault::Event)), "{}", line.escape_ascii());
        }
        for line in [&b"_sc|a"[..], b"_sc||0", b"_sc|a|4", b"_sc|a|0|?"] {
            assert_eq!(read(line), Some(Err(Fault::ServiceCheck)), "{}", line.escape_ascii());
        }
    }
}
