//! The call drawn as it happens: who says what to whom, and when.

use base::Time;
use sip::Message;

/// A ladder of three: caller, switch, agent.
pub(super) struct Ladder {
    began: bool,
    silent: bool,
}

/// The width between two of them.
const GAP: usize = 30;

impl Ladder {
    pub(super) fn new() -> Ladder {
        Ladder { began: false, silent: false }
    }

    pub(super) fn hush(&mut self) {
        self.silent = true;
    }

    /// A message between a phone and the switch.
    pub(super) fn message(&mut self, now: Time, who: &str, said: bool, message: &Message) {
        let word = word(message);
        let (arrow, caller) = (arrow(&word, said == (who == "caller")), who == "caller");
        let row = if caller { format!("│{arrow}│{:GAP$}│", "") } else { format!("│{:GAP$}│{arrow}│", "") };
        self.row(now, &row);
    }

    /// What no message shows.
    pub(super) fn note(&mut self, now: Time, who: &str, text: &str) {
        let text: String = text.chars().take(GAP - 2).collect();
        let row = match who {
            "caller" => format!("│ {text:<width$} │{:GAP$}│", "", width = GAP - 2),
            _ => format!("│{:GAP$}│ {text:>width$} │", "", width = GAP - 2),
        };
        self.row(now, &row);
    }

    fn row(&mut self, now: Time, row: &str) {
        if self.silent {
            return;
        }
        if !self.began {
            self.began = true;
            println!("{:>9} {:^6}{:^width$}{:^6}", "", "caller", "switch", "agent", width = 2 * GAP - 3);
        }
        println!("{:>7.2} s    {row}", now.as_millis() as f64 / 1000.0);
    }
}

/// `──── 180 Ringing ────▶`, as long as the gap.
fn arrow(word: &str, to_the_right: bool) -> String {
    let word: String = word.chars().take(GAP - 6).collect();
    let dashes = GAP - 3 - word.chars().count();
    let (before, after) = ("─".repeat(dashes / 2), "─".repeat(dashes - dashes / 2));
    if to_the_right { format!("{before} {word} {after}▶") } else { format!("◀{before} {word} {after}") }
}

fn word(message: &Message) -> String {
    match message {
        Message::Request(request) => {
            let method = sip::method_name(request.method);
            let number = request.uri.split_once(':').and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user);
            match (method, number) {
                ("INVITE", Some(number)) => format!("INVITE {number}"),
                _ => method.to_owned(),
            }
        }
        Message::Response(response) => format!("{} {}", response.status, response.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_fill_the_gap_whatever_they_say() {
        for word in ["BYE", "180 Ringing", "481 Call/Transaction Does Not Exist and more"] {
            for right in [true, false] {
                assert_eq!(arrow(word, right).chars().count(), GAP, "{word}");
            }
        }
        assert!(arrow("BYE", true).ends_with('▶') && arrow("BYE", false).starts_with('◀'));
    }
}
