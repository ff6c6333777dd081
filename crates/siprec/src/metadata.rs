//! The model of RFC 7865 as far as it tells who says what, and the sum of several messages of it.

use serde::Serialize;

/// What is known of a recorded conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// One message: it says all there is (`complete`), not only what has changed (`partial`).
    #[serde(skip)]
    pub complete: bool,
    /// The conversations; nearly always one.
    pub sessions: Vec<Session>,
    /// Who takes part, or did.
    pub participants: Vec<Participant>,
    /// The streams, or those that were.
    pub streams: Vec<Stream>,
    /// Who was in which conversation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Link>,
    /// Whose voice is in which stream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<Link>,
    /// Who hears which stream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hears: Vec<Link>,
}

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The Session-IDs of its dialogs (RFC 7989).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sip_session_ids: Vec<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// Its id.
    pub id: String,
    /// Its address: a `sip:` or `tel:` URI.
    pub aor: String,
    /// How it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A stream of media.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// Its id.
    pub id: String,
    /// The conversation it is of.
    pub session: String,
    /// The label of its medium in the description (RFC 4574).
    pub label: String,
}

/// That somebody and something belong together, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Somebody's id.
    pub participant: String,
    /// The id of a conversation or a stream.
    pub to: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Things of one kind that are remembered; who is more talkative is not listened to any more.
pub(crate) const ITEMS_MAX: usize = 64;

impl Metadata {
    /// Takes one more message, which came at `at`. What it does not repeat though it says all there is, is over.
    pub fn take(&mut self, message: Metadata, at: &str) {
        if message.complete {
            end_missing(&mut self.joined, &message.joined, at);
            end_missing(&mut self.sends, &message.sends, at);
            end_missing(&mut self.hears, &message.hears, at);
        }
        message.sessions.into_iter().for_each(|new| put(&mut self.sessions, new, |one, new| one.id == new.id));
        message.participants.into_iter().for_each(|new| put(&mut self.participants, new, |one, new| one.id == new.id));
        message.streams.into_iter().for_each(|new| put(&mut self.streams, new, |one, new| one.id == new.id));
        message.joined.into_iter().for_each(|new| link(&mut self.joined, new));
        message.sends.into_iter().for_each(|new| link(&mut self.sends, new));
        message.hears.into_iter().for_each(|new| link(&mut self.hears, new));
    }

    /// Whose voice the stream with this label carries, or carried, in the order they came.
    pub fn heard_in(&self, label: &str) -> impl Iterator<Item = &Participant> {
        let of_label = move |id: &str| self.streams.iter().any(|stream| stream.id == id && stream.label == label);
        let sends = move |participant: &&Participant| {
            self.sends.iter().any(|link| link.participant == participant.id && of_label(&link.to))
        };
        self.participants.iter().filter(sends)
    }
}

impl Participant {
    /// The number or user name in its address.
    pub fn number(&self) -> &str {
        let rest = self.aor.split_once(':').map_or(&*self.aor, |(_, rest)| rest);
        rest.split(['@', ';', '?']).next().unwrap_or_default()
    }
}

fn put<T>(known: &mut Vec<T>, new: T, is_same: impl Fn(&T, &T) -> bool) {
    let is_full = known.len() >= ITEMS_MAX;
    match known.iter_mut().find(|one| is_same(one, &new)) {
        Some(one) => *one = new,
        None if is_full => {}
        None => known.push(new),
    }
}

/// One that is still open goes on, or ends.
fn link(known: &mut Vec<Link>, new: Link) {
    let is_same = |one: &&mut Link| one.participant == new.participant && one.to == new.to && one.until.is_none();
    let is_full = known.len() >= ITEMS_MAX;
    match known.iter_mut().find(is_same) {
        Some(one) => {
            one.since = one.since.take().or(new.since);
            one.until = new.until;
        }
        None if is_full => {}
        None => known.push(new),
    }
}

fn end_missing(known: &mut [Link], said: &[Link], at: &str) {
    let is_said = |one: &Link| said.iter().any(|new| new.participant == one.participant && new.to == one.to);
    for one in known.iter_mut().filter(|one| one.until.is_none() && !is_said(one)) {
        one.until = Some(at.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(participant: &str, to: &str) -> Link {
        Link { participant: participant.into(), to: to.into(), ..Link::default() }
    }

    fn message(complete: bool, sends: Vec<Link>) -> Metadata {
        Metadata { complete, sends, ..Metadata::default() }
    }

    #[test]
    fn what_is_not_said_any_more_is_over_where_all_is_said() {
        let mut known = Metadata::default();
        known.take(message(true, vec![sends("ann", "a"), sends("bob", "b")]), "10:00");
        known.take(message(false, vec![sends("cid", "c")]), "10:01");
        assert!(known.sends.iter().all(|link| link.until.is_none()));
        known.take(message(true, vec![sends("ann", "a")]), "10:02");
        let open: Vec<_> =
            known.sends.iter().filter(|link| link.until.is_none()).map(|link| &*link.participant).collect();
        assert_eq!(open, ["ann"]);
        // One who comes back has a second time.
        known.take(message(false, vec![sends("bob", "b")]), "10:03");
        assert_eq!(known.sends.iter().filter(|link| link.participant == "bob").count(), 2);
    }

    #[test]
    fn nobody_fills_the_memory() {
        let mut known = Metadata::default();
        for number in 0..10_000 {
            let participant = Participant { id: number.to_string(), ..Participant::default() };
            known.take(Metadata { participants: vec![participant], ..Metadata::default() }, "");
        }
        assert_eq!(known.participants.len(), ITEMS_MAX);
    }

    #[test]
    fn a_participant_has_a_number() {
        for (aor, number) in [
            ("sip:+38515550100@192.0.2.1:5060;user=phone", "+38515550100"),
            ("tel:+38515550100;ext=1", "+38515550100"),
            ("ann", "ann"),
            ("sip:192.0.2.1", "192.0.2.1"),
            ("", ""),
        ] {
            assert_eq!(Participant { aor: aor.into(), ..Participant::default() }.number(), number);
        }
    }
}
