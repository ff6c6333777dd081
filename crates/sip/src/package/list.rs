//! Lists of what is watched (RFC 4662): one subscription to many people, whose documents stand side by side in a
//! `multipart/related` body, after a table of them (RLMI, §5).
//!
//! A body says what its watcher does not know yet, and is of a bounded size: what does not fit stands in the next one. The
//! first names everybody (§5.2), as does the first after each SUBSCRIBE.

use std::fmt::Write;
use std::sync::Arc;

use base::Time;

use super::xml::Escaped;
use super::{Package, Shown, State};

/// How those on a list stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// By which package.
    pub package: Package,
    /// In the order of the list, each number once.
    pub members: Vec<Member>,
}

/// One of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// How he is shown; the number tells him from the others.
    pub shown: Shown,
    /// How he stands.
    pub state: Arc<State>,
}

/// What a watcher of a list knows.
#[derive(Debug, Default)]
pub struct Known(Vec<Member>);

impl Known {
    /// He asks anew: everybody is told again.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    fn has(&self, member: &Member) -> bool {
        self.0.iter().any(|known| known == member)
    }

    fn learns(&mut self, member: &Member) {
        match self.0.iter_mut().find(|known| known.shown.number == member.shown.number) {
            Some(known) => known.clone_from(member),
            None => self.0.push(member.clone()),
        }
    }
}

impl List {
    /// One of the list stands so now. False: that is how he stood, or he is none of them.
    pub(crate) fn stands(&mut self, member: Member) -> bool {
        match self.members.iter_mut().find(|one| one.shown.number == member.shown.number) {
            Some(one) if *one != member => {
                *one = member;
                true
            }
            _ => false,
        }
    }

    /// The type of its documents.
    pub(crate) fn content_type() -> String {
        format!("multipart/related;type=\"application/rlmi+xml\";start=\"<list@centrala>\";boundary=\"{BOUNDARY}\"")
    }

    /// The document for a watcher of `entity` who has had `version` of them before. Whether there is more to tell is the
    /// second.
    pub(crate) fn print(&self, entity: &str, version: u32, known: &mut Known, now: Time) -> (String, bool) {
        let is_there = |one: &Member| self.members.iter().any(|member| member.shown.number == one.shown.number);
        if !known.0.iter().all(is_there) {
            known.forget(); // only a full table says who is gone
        }
        let whole = known.0.is_empty();
        let host = entity.rsplit_once('@').map_or_else(|| entity.split_once(':').map_or("", |cut| cut.1), |cut| cut.1);
        let (mut table, mut parts, mut more) = (String::new(), String::new(), false);
        // Writing to a String cannot fail.
        let _ = write!(
            table,
            "<?xml version=\"1.0\"?>\r\n<list xmlns=\"urn:ietf:params:xml:ns:rlmi\" uri=\"{}\" version=\"{version}\" \
             fullState=\"{whole}\">",
            Escaped(entity)
        );
        for (at, member) in self.members.iter().enumerate() {
            let is_told = !known.has(member) && parts.len() < BODY_BYTES_MAX;
            more |= !is_told && !known.has(member);
            if !is_told && !whole {
                continue;
            }
            let uri = format!("sip:{}@{host}", member.shown.number);
            let _ = write!(table, "<resource uri=\"{}\">", Escaped(&uri));
            if let Some(name) = &member.shown.name {
                let _ = write!(table, "<name>{}</name>", Escaped(name));
            }
            if is_told {
                let _ = write!(table, "<instance id=\"1\" state=\"active\" cid=\"{at}.{version}@centrala\"/>");
                let document = member.state.print(&uri, version, now);
                part(&format!("{at}.{version}@centrala"), self.package.content_type(), &document, &mut parts);
                known.learns(member);
            }
            table.push_str("</resource>");
        }
        table.push_str("</list>\r\n");
        let mut body = String::with_capacity(table.len() + parts.len() + 256);
        part("list@centrala", "application/rlmi+xml;charset=\"UTF-8\"", &table, &mut body);
        body.push_str(&parts);
        let _ = write!(body, "--{BOUNDARY}--\r\n");
        (body, more)
    }
}

/// A part of a body. No document of ours has a line that begins with the boundary: text in them has no ends of lines.
fn part(id: &str, kind: &str, document: &str, out: &mut String) {
    let _ = write!(
        out,
        "--{BOUNDARY}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{id}>\r\nContent-Type: {kind}\r\n\r\n\
         {document}\r\n"
    );
}

const BOUNDARY: &str = "centrala-one-of-a-list";
/// A document that has so much in it gets no further part: it must fit into a datagram, with room to spare.
const BODY_BYTES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Presence;

    fn member(number: u32, open: bool) -> Member {
        let presence = Presence { open, ..Presence::default() };
        let shown = Shown { number: number.to_string(), name: Some(format!("No. <{number}>")) };
        Member { shown, state: Arc::new(State::Presence(presence)) }
    }

    fn list(numbers: std::ops::Range<u32>) -> List {
        List { package: Package::Presence, members: numbers.map(|number| member(number, false)).collect() }
    }

    #[test]
    fn everybody_is_told_first_and_then_who_has_changed() {
        let (mut list, mut known) = (list(201..204), Known::default());
        let print = |list: &List, version, known: &mut Known| list.print("sip:sales@h", version, known, Time::ZERO);
        let (body, more) = print(&list, 0, &mut known);
        assert!(!more && body.contains("uri=\"sip:sales@h\" version=\"0\" fullState=\"true\""), "{body}");
        assert_eq!(body.matches("<instance ").count(), 3, "{body}");
        assert_eq!(body.matches("Content-Type: application/pidf+xml").count(), 3, "{body}");
        assert!(body.contains("<name>No. &lt;201&gt;</name>"), "{body}");
        assert!(list.stands(member(202, true)));
        assert!(!list.stands(member(202, true)), "nothing has changed");
        assert!(!list.stands(member(999, true)), "he is not on it");
        let (body, more) = print(&list, 1, &mut known);
        assert!(!more && body.contains("version=\"1\" fullState=\"false\""), "{body}");
        assert_eq!(body.matches("<resource ").count(), 1, "{body}");
        assert!(body.contains("cid=\"1.1@centrala\"") && body.contains("Content-ID: <1.1@centrala>"), "{body}");
        // Somebody is gone from it: all are named again, without him.
        list.members.remove(0);
        let (body, _) = print(&list, 2, &mut known);
        assert!(body.contains("fullState=\"true\"") && !body.contains("sip:201@h"), "{body}");
        assert_eq!(body.matches("<resource ").count(), 2, "{body}");
    }

    #[test]
    fn a_long_list_is_told_piece_by_piece_and_nobody_twice() {
        let (list, mut known) = (list(1_000..1_400), Known::default());
        let (mut told, mut version) = (0, 0);
        loop {
            let (body, more) = list.print("sip:sales@h", version, &mut known, Time::ZERO);
            assert!(body.len() < BODY_BYTES_MAX + 400 * 120, "{}", body.len());
            told += body.matches("<instance ").count();
            assert_eq!(body.matches("<resource ").count() == 400, version == 0, "the first names everybody");
            version += 1;
            if !more {
                break;
            }
        }
        assert!(told == 400 && version > 3, "{told} in {version} documents");
    }
}
