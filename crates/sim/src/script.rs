//! Scripts: dialogues read aloud like a ladder diagram, as `tests/scripts/*.call` hold them.
//!
//! Where it stands: it reads text into [`Step`]s and knows no more; `tests/world` runs them against the real switch on
//! a fake clock. Every error says file, line and what may stand there.
//!
//! One step a line. A hash and a blank begin a comment, after two blanks where a step stands before it; the first
//! comment is the title. Time stands still between two steps unless a step waits.
//!
//! | line | means |
//! | --- | --- |
//! | `phone desk is ann` | `desk` is one more phone of the person `ann`; a person's first phone needs no such line |
//! | `phone carrier is trunk carrier` | it stands where the trunk of that name is |
//! | `phone mallory is stranger` | nobody knows it |
//! | `network delay 20ms jitter 30ms loss 10% row 3 double 5%` | from now on, up to three lost in a row; whatever is left out is 0, and a row 1 |
//! | `ann registers` | `> REGISTER`, and waits for the 200; also `password WORD`, `expires SECONDS` |
//! | `ann > INVITE 202` | calls; also `offer pcma,pcmu` or `offer none`, `from USER`, `header Name: value` (last) |
//! | `ann > 200` | answers who knocks, also `answer pcma`; `> 180`, `> 486`, … |
//! | `ann > CANCEL`, `> BYE`, `> REGISTER` | says it, and waits for nothing |
//! | `ann > SUBSCRIBE 202` | watches; also `event presence` (`dialog` if unsaid), `expires SECONDS` (0 ends it), `header Name: value` |
//! | `ann > MESSAGE to 202 body hello` | a text outside of any call; without `to` in the call; also `from USER`; the body is last |
//! | `ann > PUBLISH away` | says of herself what she is about: `open`, `closed`, `away`, `busy` |
//! | `mailbox ann new 2 old 1` | so many messages wait for her |
//! | `switch dials 201 then 202 for ann` | rings her, and brings her to 202 once she has answered; `… for ann aloud`: her phones are to pick up by themselves |
//! | `web asked {"event":"started"}` | a web server is asked, with these in its JSON; `web asked ?number=ann`: an address that ends so |
//! | `web answers {"verb":"hang_up"}`, `web fails` | what it says to the oldest question, or that it does not |
//! | `ann < 200` | hears it soon, and nothing important before it; also `header Name: value` for a header to be there |
//! | `ann < 200 BYE` | an answer to something else than INVITE or REGISTER |
//! | `ann < INVITE`, `< CANCEL`, `< BYE`, `< ACK` | likewise |
//! | `ann hears bob` | hears bob's voice, and little else, a third of a second from now |
//! | `ann hears prompt welcome`, `ringback`, `tone 1004`, `itself`, `nothing` | likewise |
//! | `ann heard bob for 3s` | until now, and no silence of more than 20 ms and no click was in it |
//! | `ann hears keys 12#` | all telephone-events heard so far, in this call |
//! | `ann presses 12#` | keys, one after another (RFC 4733); `by info` sends them by SIP INFO |
//! | `ann holds`, `ann resumes` | a re-INVITE with `sendonly`, or `sendrecv` |
//! | `ann falls silent`, `ann speaks` | sends no RTP, sends it again |
//! | `ann encrypts`, `ann can encrypt` | its calls from now on are in SRTP, by SDES: always, or where the other side can |
//! | `ann vanishes` | the plug is pulled |
//! | `+15s`, `+200ms` | so long nothing important is heard by anyone, but in the last half second |
//! | `recording left ann, right bob` | the next recording in the order of their beginning; also `seconds 5`, and what its sidecar says: `rule=NAME` |
//! | `no recording` | there is no further one |
//! | `cdr caller=ann status=200 talk=5s` | the next call record; `s` allows half a second more or less, `-` is nothing, `_` a blank; `fields.tier=gold` looks within |
//!
//! Phones say ACK and answer challenges, CANCEL, BYE and OPTIONS by themselves. Important are INVITE, CANCEL, BYE and
//! refusals: one that no line expects is an error, but for a BYE at the very end. A script ends when all calls are over
//! and their ports are home; every call has its `cdr` line.

mod line;
mod step;

use std::fmt;

pub use step::{Act, Dialled, Hearing, Identity, Pattern, Step};

/// A script, read.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its file, for messages.
    pub file: String,
    /// Its first comment.
    pub title: String,
    /// Its steps.
    pub lines: Vec<Line>,
}

/// One step, where it stood.
#[derive(Clone, Debug)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// As it was written.
    pub text: String,
    /// What it asks for.
    pub step: Step,
}

/// What is wrong with a script, or with the world it ran in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The file.
    pub file: String,
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Script {
    /// Reads a script; all lines that cannot be read are told.
    ///
    /// ```
    /// let script = sim::Script::read("echo.call", "# Echo\nann registers\nann > INVITE 600\nann hears itself\n")?;
    /// assert_eq!((script.title.as_str(), script.lines.len()), ("Echo", 3));
    /// # Ok::<(), Vec<sim::script::ScriptError>>(())
    /// ```
    pub fn read(file: &str, text: &str) -> Result<Script, Vec<ScriptError>> {
        let (mut lines, mut errors) = (Vec::new(), Vec::new());
        let mut title = None;
        for (number, text) in (1..).zip(text.lines()) {
            let (text, comment) = without_comment(text);
            title = title.or(comment.filter(|comment| !comment.is_empty()));
            if text.is_empty() {
                continue;
            }
            match line::read(text) {
                Ok(step) => lines.push(Line { number, text: text.to_owned(), step }),
                Err(what) => errors.push(ScriptError { file: file.to_owned(), line: number, what }),
            }
        }
        if errors.is_empty() {
            Ok(Script { file: file.to_owned(), title: title.unwrap_or(file).to_owned(), lines })
        } else {
            Err(errors)
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for ScriptError {}

/// A hash and a blank begin a comment, after two blanks where it is not first; any other hash is a key.
fn without_comment(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    if let Some(comment) = text.strip_prefix('#')
        && (comment.is_empty() || comment.starts_with(' '))
    {
        return ("", Some(comment.trim()));
    }
    match text.find("  # ") {
        Some(at) => (text[..at].trim_end(), Some(text[at + 4..].trim())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests;
