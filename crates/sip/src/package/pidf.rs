//! Who is there: `application/pidf+xml` (RFC 3863), with what somebody is about (RFC 4479, RFC 4480).

use std::fmt::Write;

use super::xml::{Escaped, elements, plain};

/// Whether somebody is there, and what he is about.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Presence {
    /// Can he be reached?
    pub open: bool,
    /// What he is about, if it keeps him from taking a call.
    pub activity: Option<Activity>,
    /// In his own words, or in a word of ours.
    pub note: Option<String>,
}

/// What keeps somebody from taking a call (RFC 4480 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Activity {
    /// He talks already.
    OnThePhone,
    /// He is not at his place.
    Away,
    /// He has something else to do.
    Busy,
}

impl Activity {
    /// The element of RFC 4480 §3.2.
    pub fn word(self) -> &'static str {
        match self {
            Activity::OnThePhone => "on-the-phone",
            Activity::Away => "away",
            Activity::Busy => "busy",
        }
    }

    /// The activity of that element.
    pub fn named(word: &str) -> Option<Activity> {
        [Activity::OnThePhone, Activity::Away, Activity::Busy].into_iter().find(|activity| activity.word() == word)
    }
}

/// A note is no novel.
const NOTE_LETTERS_MAX: usize = 200;

impl Presence {
    /// What somebody's document says: whether he is there, what he is about and his first note. None, if it says not even
    /// the first.
    pub fn read(document: &str) -> Option<Presence> {
        let mut presence = Presence::default();
        let mut is_said = false;
        for element in elements(document) {
            match element.name {
                "basic" if !is_said => {
                    is_said = true;
                    presence.open = element.text.eq_ignore_ascii_case("open");
                }
                "note" if presence.note.is_none() && !element.text.is_empty() => {
                    presence.note = Some(plain(element.text).chars().take(NOTE_LETTERS_MAX).collect());
                }
                name => presence.activity = presence.activity.or(Activity::named(name)),
            }
        }
        is_said.then_some(presence)
    }

    pub(super) fn print(&self, entity: &str) -> String {
        let entity = Escaped(entity);
        let basic = if self.open { "open" } else { "closed" };
        let mut out = String::with_capacity(768);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
             xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" \
             entity=\"{entity}\">\r\n<tuple id=\"phone\"><status><basic>{basic}</basic></status>\
             <contact priority=\"1\">{entity}</contact>"
        );
        if let Some(note) = &self.note {
            let _ = write!(out, "<note>{}</note>", Escaped(note));
        }
        out.push_str("</tuple>\r\n");
        if let Some(activity) = self.activity {
            let _ = write!(
                out,
                "<dm:person id=\"person\"><rpid:activities><rpid:{}/></rpid:activities></dm:person>\r\n",
                activity.word()
            );
        }
        out.push_str("</presence>\r\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_says_whether_and_why_not() {
        let person = |activity| {
            format!("<dm:person id=\"person\"><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>\r\n")
        };
        for (presence, basic, note, person) in [
            (Presence::default(), "closed", "", String::new()),
            (Presence { open: true, ..Presence::default() }, "open", "", String::new()),
            (
                Presence { open: true, activity: Some(Activity::OnThePhone), note: Some("On the phone".into()) },
                "open",
                "<note>On the phone</note>",
                person("on-the-phone"),
            ),
            (
                Presence { open: false, activity: Some(Activity::Away), note: Some("<lunch> & tea".into()) },
                "closed",
                "<note>&lt;lunch&gt; &amp; tea</note>",
                person("away"),
            ),
        ] {
            let want = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
                 xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" \
                 entity=\"sip:202@centrala\">\r\n<tuple id=\"phone\"><status><basic>{basic}</basic></status>\
                 <contact priority=\"1\">sip:202@centrala</contact>{note}</tuple>\r\n{person}</presence>\r\n"
            );
            assert_eq!(presence.print("sip:202@centrala"), want);
        }
    }

    #[test]
    fn what_is_printed_can_be_read() {
        for presence in [
            Presence::default(),
            Presence { open: true, activity: Some(Activity::Busy), note: Some("<tea> & \"more\"".into()) },
            Presence { open: true, activity: Some(Activity::OnThePhone), note: None },
        ] {
            assert_eq!(Presence::read(&presence.print("sip:202@centrala")), Some(presence));
        }
        // As linphone 5 writes it.
        let linphone = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
            xmlns:pidfonline=\"http://www.linphone.org/xsds/pidfonline.xsd\" entity=\"sip:ann@centrala\"><tuple id=\"qmhgnb\">\
            <status><basic>open</basic><pidfonline:online/></status><timestamp>2026-11-25T01:00:00Z</timestamp></tuple>\
            <dm:person id=\"x\"><rpid:activities><rpid:away/></rpid:activities></dm:person></presence>";
        let away = Presence { open: true, activity: Some(Activity::Away), note: None };
        assert_eq!(Presence::read(linphone), Some(away));
        assert_eq!(Presence::read("<presence/>"), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_published_what_is_told_of_it_is_one_document(document in ".{0,200}", note in "[<>&\"'a-z;/ ]{0,40}") {
            let open = "<basic>open</basic>";
            for said in [format!("{document}{open}"), format!("{open}<note>{note}</note>{document}")] {
                let Some(presence) = Presence::read(&said) else { continue };
                let printed = presence.print("sip:202@centrala");
                let count = |element: &str| printed.matches(element).count();
                proptest::prop_assert_eq!((count("<presence "), count("<tuple "), count("<basic>")), (1, 1, 1));
                proptest::prop_assert!(count("<note>") <= 1 && count("<rpid:activities>") <= 1);
                proptest::prop_assert_eq!(Presence::read(&printed).map(|again| again.open), Some(presence.open));
            }
        }
    }
}
