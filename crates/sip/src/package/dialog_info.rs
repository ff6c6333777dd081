//! Who talks with whom: `application/dialog-info+xml` (RFC 4235 §4), for the lamps beside a phone's keys.
//!
//! Every document is a full one: a phone that lost some is right again with the next. Where nobody talks, the last dialog
//! is still named as terminated, as many phones switch a lamp off for that and for nothing else.

use std::fmt::Write;

use super::xml::Escaped;
use crate::DialogId;

/// The lines of one watched person or queue.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Lines {
    /// Whose they are, as shown to others.
    pub local: Shown,
    /// The dialogs at the moment; or the last one there was.
    pub lines: Vec<Line>,
}

/// One dialog of the watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Tells it from the others.
    pub id: u64,
    /// Did the watched call, or was called?
    pub initiated: bool,
    /// How far it has come.
    pub stage: Stage,
    /// The watched has put the other on hold.
    pub held: bool,
    /// The other party.
    pub remote: Shown,
    /// The dialog the watched has with us, once both ends have named it: whoever picks the call up says it in a Replaces.
    pub dialog: Option<DialogId>,
}

/// How far a dialog has come (RFC 4235 §3.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Called, and nothing rings yet.
    Trying,
    /// Rings.
    Early,
    /// Answered.
    Confirmed,
    /// Over.
    Terminated,
}

/// How a party is shown.
#[derive(Clone, PartialEq, Eq, Default, Hash, Debug)]
pub struct Shown {
    /// The number, the user part of its URI.
    pub number: String,
    /// The name.
    pub name: Option<String>,
}

impl Stage {
    /// The word in a document.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Trying => "trying",
            Stage::Early => "early",
            Stage::Confirmed => "confirmed",
            Stage::Terminated => "terminated",
        }
    }
}

impl Lines {
    pub(super) fn print(&self, entity: &str, version: u32) -> String {
        let host = entity.rsplit_once('@').map_or_else(|| entity.split_once(':').map_or("", |cut| cut.1), |cut| cut.1);
        let mut out = String::with_capacity(256 + 640 * self.lines.len());
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" \
             state=\"full\" entity=\"{}\">\r\n",
            Escaped(entity)
        );
        for line in &self.lines {
            line.print(&self.local, host, &mut out);
        }
        out.push_str("</dialog-info>\r\n");
        out
    }
}

impl Line {
    fn print(&self, local: &Shown, host: &str, out: &mut String) {
        let direction = if self.initiated { "initiator" } else { "recipient" };
        let (id, stage) = (self.id, self.stage.word());
        let _ = write!(out, "<dialog id=\"{id}\"");
        if let Some(DialogId { call_id, to_tag, from_tag }) = &self.dialog {
            // RFC 4235 §4.1.1: the local tag is that of the watched, which is the far one for us.
            let (call_id, local, remote) = (Escaped(call_id), Escaped(from_tag), Escaped(to_tag));
            let _ = write!(out, " call-id=\"{call_id}\" local-tag=\"{local}\" remote-tag=\"{remote}\"");
        }
        let _ = write!(out, " direction=\"{direction}\">\r\n<state>{stage}</state>\r\n");
        // RFC 4235 §4.1.6: how the one who holds is seen, by phones that show it.
        let held = if self.held { "<param pname=\"+sip.rendering\" pvalue=\"no\"/>" } else { "" };
        for (end, who, held) in [("local", local, held), ("remote", &self.remote, "")] {
            if who.number.is_empty() {
                continue;
            }
            let uri = format!("sip:{}@{host}", who.number);
            let uri = Escaped(&uri);
            let _ = write!(out, "<{end}><identity");
            if let Some(name) = &who.name {
                let _ = write!(out, " display=\"{}\"", Escaped(name));
            }
            let _ = write!(out, ">{uri}</identity><target uri=\"{uri}\"");
            let _ = match held {
                "" => write!(out, "/></{end}>\r\n"),
                held => write!(out, ">{held}</target></{end}>\r\n"),
            };
        }
        out.push_str("</dialog>\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: &str, name: Option<&str>) -> Shown {
        Shown { number: number.to_owned(), name: name.map(str::to_owned) }
    }

    fn line(stage: Stage) -> Line {
        Line { id: 7, initiated: false, stage, held: false, remote: shown("201", Some("Ann")), dialog: None }
    }

    #[test]
    fn lamps_are_written_as_phones_read_them() {
        let local =
            "<local><identity display=\"Bob\">sip:202@centrala</identity><target uri=\"sip:202@centrala\"/></local>";
        let held = "<local><identity display=\"Bob\">sip:202@centrala</identity><target uri=\"sip:202@centrala\">\
                    <param pname=\"+sip.rendering\" pvalue=\"no\"/></target></local>";
        let remote =
            "<remote><identity display=\"Ann\">sip:201@centrala</identity><target uri=\"sip:201@centrala\"/></remote>";
        let odd = "<remote><identity display=\"&lt;&quot;&amp;\">sip:+49&apos;@centrala</identity>\
                   <target uri=\"sip:+49&apos;@centrala\"/></remote>";
        let dialog = DialogId { call_id: "a<b".into(), to_tag: "ours".into(), from_tag: "theirs".into() };
        for (name, line, want) in [
            (
                "rings",
                line(Stage::Early),
                format!(
                    "<dialog id=\"7\" direction=\"recipient\">\r\n<state>early</state>\r\n{local}\r\n{remote}\r\n</dialog>\r\n"
                ),
            ),
            (
                "calls",
                Line { initiated: true, ..line(Stage::Trying) },
                format!(
                    "<dialog id=\"7\" direction=\"initiator\">\r\n<state>trying</state>\r\n{local}\r\n{remote}\r\n</dialog>\r\n"
                ),
            ),
            (
                "can be picked up",
                Line { dialog: Some(dialog), ..line(Stage::Early) },
                format!(
                    "<dialog id=\"7\" call-id=\"a&lt;b\" local-tag=\"theirs\" remote-tag=\"ours\" direction=\"recipient\">\r\n<state>early</state>\r\n{local}\r\n{remote}\r\n</dialog>\r\n"
                ),
            ),
            (
                "holds",
                Line { held: true, ..line(Stage::Confirmed) },
                format!(
                    "<dialog id=\"7\" direction=\"recipient\">\r\n<state>confirmed</state>\r\n{held}\r\n{remote}\r\n</dialog>\r\n"
                ),
            ),
            (
                "a stranger's name",
                Line { remote: shown("+49'", Some("<\"&")), ..line(Stage::Confirmed) },
                format!(
                    "<dialog id=\"7\" direction=\"recipient\">\r\n<state>confirmed</state>\r\n{local}\r\n{odd}\r\n</dialog>\r\n"
                ),
            ),
            (
                "over",
                Line { remote: Shown::default(), ..line(Stage::Terminated) },
                format!(
                    "<dialog id=\"7\" direction=\"recipient\">\r\n<state>terminated</state>\r\n{local}\r\n</dialog>\r\n"
                ),
            ),
        ] {
            let lines = Lines { local: shown("202", Some("Bob")), lines: vec![line] };
            let head = "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" \
                        version=\"3\" state=\"full\" entity=\"sip:202@centrala\">\r\n";
            assert_eq!(lines.print("sip:202@centrala", 3), format!("{head}{want}</dialog-info>\r\n"), "{name}");
        }
    }
}
