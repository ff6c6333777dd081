//! Waiting messages: `application/simple-message-summary` (RFC 3842 §5).

/// What waits in a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Mailbox {
    /// Messages nobody has heard.
    pub new: u32,
    /// Messages that were heard and kept.
    pub old: u32,
    /// Of the new ones, the urgent.
    pub new_urgent: u32,
    /// Of the old ones, the urgent.
    pub old_urgent: u32,
}

impl Mailbox {
    /// The document for the account of that URI: the lines of RFC 3842 §5.2. The urgent are said where there are any: some phones read no further than the slash.
    pub fn print(&self, entity: &str) -> String {
        let Mailbox { new, old, new_urgent, old_urgent } = *self;
        let waiting = if new > 0 { "yes" } else { "no" };
        let urgent = match (new_urgent, old_urgent) {
            (0, 0) => String::new(),
            (new, old) => format!(" ({new}/{old})"),
        };
        format!("Messages-Waiting: {waiting}\r\nMessage-Account: {entity}\r\nVoice-Message: {new}/{old}{urgent}\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_light_is_on_for_new_messages_alone() {
        for (mailbox, lines) in [
            (Mailbox::default(), ["Messages-Waiting: no", "Voice-Message: 0/0"]),
            (Mailbox { old: 3, ..Mailbox::default() }, ["Messages-Waiting: no", "Voice-Message: 0/3"]),
            (Mailbox { new: 2, old: 8, ..Mailbox::default() }, ["Messages-Waiting: yes", "Voice-Message: 2/8"]),
            (
                Mailbox { new: 2, old: 8, new_urgent: 1, old_urgent: 0 },
                ["Messages-Waiting: yes", "Voice-Message: 2/8 (1/0)"],
            ),
        ] {
            let [waiting, voice] = lines;
            let want = format!("{waiting}\r\nMessage-Account: sip:201@centrala\r\n{voice}\r\n");
            assert_eq!(mailbox.print("sip:201@centrala"), want);
        }
    }
}
