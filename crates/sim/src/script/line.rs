//! One line of a script, word by word.

use std::time::Duration;

use audio::Codec;
use sdp::Srtp;

use super::step::{Act, Dialled, Hearing, Identity, Pattern, Step};
use crate::network::NetworkConf;
use crate::phone::{By, Hold, Keys};

type Read<T> = Result<T, String>;

/// Reads a line without its comment.
pub(super) fn read(text: &str) -> Read<Step> {
    let mut words = Words::new(text);
    let first = words.next(
        "a phone's name, \"phone\", \"proxy\", \"network\", \"recording\", \"mailbox\", \"switch\", \"web\", \"cdr\" or a time such as +5s",
    )?;
    let step = match first {
        "phone" => phone(&mut words)?,
        "network" => network(&mut words)?,
        "proxy" => proxy(&mut words)?,
        "recording" => recording(&mut words)?,
        "no" => words.exactly("recording").map(|()| Step::NoRecording)?,
        "cdr" => cdr(&mut words)?,
        "mailbox" => mailbox(&mut words)?,
        "web" => web(&mut words)?,
        "switch" => dials(&mut words)?,
        time if time.starts_with('+') => Step::Wait(duration(&time[1..])?),
        name => acts(name.to_owned(), &mut words)?,
    };
    words.end()?;
    Ok(step)
}

fn phone(words: &mut Words) -> Read<Step> {
    let name = words.next("the phone's name")?.to_owned();
    words.exactly("is")?;
    let is = match words.next("a person's name, \"trunk NAME\" or \"stranger\"")? {
        "stranger" => Identity::Stranger,
        "trunk" => {
            let name = words.next("the trunk's name")?.to_owned();
            let at = match words.maybe() {
                None => None,
                Some("at") => Some(words.next("an address and port")?),
                Some(other) => return Err(format!("a trunk's phone has no {other:?}; write at ADDRESS:PORT")),
            };
            let at = at.map(|at| at.parse().map_err(|_| format!("{at:?} is no address and port"))).transpose()?;
            Identity::Trunk(name, at)
        }
        person => Identity::Person(person.to_owned()),
    };
    Ok(Step::Phone { name, is })
}

/// `proxy carrier rings east, west`.
fn proxy(words: &mut Words) -> Read<Step> {
    let trunk = words.next("a trunk's name")?.to_owned();
    words.exactly("rings")?;
    let mut phones = vec![words.next("a phone's name")?.to_owned()];
    while let Some(phone) = words.maybe() {
        phones.push(phone.to_owned());
    }
    Ok(Step::Fork { trunk, phones })
}

fn network(words: &mut Words) -> Read<Step> {
    let mut conf = NetworkConf { delay: Duration::from_millis(1), ..NetworkConf::default() };
    while let Some(word) = words.maybe() {
        let value = words.next("a value, such as 20ms or 5%")?;
        match word {
            "delay" => conf.delay = duration(value)?,
            "jitter" => conf.jitter = duration(value)?,
            "loss" => conf.lost_permille = permille(value)?,
            "row" => conf.lost_in_a_row = value.parse().map_err(|_| format!("{value:?} is no number of datagrams"))?,
            "double" => conf.doubled_permille = permille(value)?,
            other => return Err(format!("a network has no {other:?}; write delay, jitter, loss, row or double")),
        }
    }
    Ok(Step::Network(conf))
}

fn recording(words: &mut Words) -> Read<Step> {
    words.exactly("left")?;
    let (left, next) = one_by_one(words)?;
    if next != Some("right") {
        return Err("a recording has two sides; write left SOUND, right SOUND".to_owned());
    }
    let (right, mut next) = one_by_one(words)?;
    let (mut seconds, mut sidecar) = (None, Vec::new());
    while let Some(word) = next {
        match word.split_once('=') {
            Some((field, value)) => sidecar.push((field.to_owned(), value.to_owned())),
            None if word == "seconds" => seconds = Some(number(words.next("a number of seconds")?)?),
            None => return Err(format!("{word:?} says nothing about a recording; write seconds N or FIELD=VALUE")),
        }
        next = words.maybe();
    }
    Ok(Step::Recording { left, right, seconds, sidecar })
}

fn cdr(words: &mut Words) -> Read<Step> {
    let mut fields = Vec::new();
    while let Some(word) = words.maybe() {
        let (field, value) =
            word.split_once('=').ok_or_else(|| format!("{word:?} is no FIELD=VALUE, such as caller=ann"))?;
        fields.push((field.to_owned(), value.to_owned()));
    }
    Ok(Step::Cdr(fields))
}

fn acts(who: String, words: &mut Words) -> Read<Step> {
    let act = match words.next("what the phone does: \"registers\", \"> INVITE 202\", \"< 200\", \"hears bob\", …")? {
        "<" => return expects(who, words),
        "heard" => return heard(who, words),
        "hears" => return Ok(Step::Hears { who, sound: hearing(words)? }),
        ">" => says(words)?,
        "registers" => register(words, true)?,
        "holds" => changes(words, true)?,
        "resumes" => changes(words, false)?,
        "asks" => Act::AsksForOffer,
        "speaks" => Act::Speaks(true),
        "vanishes" => Act::Vanishes,
        "encrypts" => Act::Encrypts(Srtp::Required),
        "can" => words.exactly("encrypt").map(|()| Act::Encrypts(Srtp::Preferred))?,
        "falls" => words.exactly("silent").map(|()| Act::Speaks(false))?,
        "presses" => {
            let keys = words.next("the keys")?.to_owned();
            if !keys.chars().all(|key| key.is_ascii_digit() || "*#ABCD".contains(key)) {
                return Err(format!("{keys:?} are no keys; write 0-9, *, #, A-D"));
            }
            let by = match words.maybe() {
                None => Keys::Event,
                Some("by") => words.exactly("info").map(|()| Keys::Info)?,
                Some(other) => {
                    return Err(format!("keys are pressed \"by info\", or by event if nothing is said; not {other:?}"));
                }
            };
            Act::Presses { keys, by }
        }
        other => {
            let can = "registers, >, <, hears, presses, holds, resumes, asks (for an offer), falls silent, speaks, encrypts, can encrypt and vanishes";
            return Err(format!("no phone {other:?}; it can {can}"));
        }
    };
    Ok(Step::Does { who, act })
}

/// `holds by inactive in UPDATE`, `resumes in PRACK`.
fn changes(words: &mut Words, holds: bool) -> Read<Act> {
    let (mut hold, mut by) = (holds.then_some(Hold::SendOnly), By::Invite);
    while let Some(word) = words.maybe() {
        match word {
            "by" if holds => {
                hold = Some(match words.next("sendonly, inactive, 0.0.0.0, :: or session")? {
                    "sendonly" => Hold::SendOnly,
                    "inactive" => Hold::Inactive,
                    "0.0.0.0" => Hold::Nowhere,
                    "::" => Hold::Nowhere6,
                    "session" => Hold::Session,
                    other => return Err(format!("nobody holds by {other:?}")),
                });
            }
            "in" => {
                by = match words.next("INVITE, UPDATE or PRACK")? {
                    "INVITE" => By::Invite,
                    "UPDATE" => By::Update,
                    "PRACK" => By::Prack,
                    other => return Err(format!("no offer is made in {other:?}")),
                }
            }
            other => return Err(format!("{other:?} says nothing about a hold; write by and in")),
        }
    }
    Ok(Act::Changes { hold, by })
}

fn says(words: &mut Words) -> Read<Act> {
    match words.next("a method or a status")? {
        "INVITE" => invite(words).map(Act::Invite),
        "REGISTER" => register(words, false),
        "BYE" | "CANCEL" => Ok(Act::HangUp),
        "REFER" => refer(words),
        "SUBSCRIBE" => subscribe(words),
        "MESSAGE" => message(words),
        "PUBLISH" => Ok(Act::Publish { says: words.next("open, closed, away or busy")?.to_owned() }),
        word => {
            let status = status(word).ok_or_else(|| {
                format!("{word:?} cannot be said here; a phone says INVITE, REGISTER, CANCEL, BYE, REFER, SUBSCRIBE, PUBLISH, MESSAGE or a status (the rest by itself)")
            })?;
            let (mut spoken, mut reliably) = (None, false);
            while let Some(word) = words.maybe() {
                match word {
                    "answer" => spoken = Some(codecs(words.next("codecs, such as pcma")?)?),
                    "reliably" => reliably = true,
                    other => return Err(format!("an answer has no {other:?}; write answer CODECS or reliably")),
                }
            }
            Ok(Act::Say { status, codecs: spoken, reliably })
        }
    }
}

fn invite(words: &mut Words) -> Read<Dialled> {
    let mut dialled = Dialled { to: words.next("a number to call")?.to_owned(), ..Dialled::default() };
    while let Some(word) = words.maybe() {
        match word {
            "offer" => dialled.codecs = Some(codecs(words.next("codecs, such as pcma,pcmu, or none")?)?),
            "from" => dialled.from = Some(words.next("a user")?.to_owned()),
            "header" => dialled.header = Some(words.header()?),
            "replaces" => dialled.replaces = Some(words.next("the phone whose call is taken, or \"lamp\"")?.to_owned()),
            "early-only" => dialled.early_only = true,
            "joins" => dialled.joins = Some(words.next("the phone whose call is joined, or \"lamp\"")?.to_owned()),
            "recvonly" => dialled.listens = true,
            other => {
                let has = "offer, from, replaces, early-only, joins, recvonly or header";
                return Err(format!("an INVITE has no {other:?}; write {has}"));
            }
        }
    }
    Ok(dialled)
}

fn refer(words: &mut Words) -> Read<Act> {
    let to = words.next("a number to refer the other side to")?.to_owned();
    let (mut replaces, mut header) = (None, None);
    while let Some(word) = words.maybe() {
        match word {
            "replaces" => replaces = Some(words.next("the phone whose call is taken over")?.to_owned()),
            "header" => header = Some(words.header()?),
            other => return Err(format!("a REFER has no {other:?}; write replaces PHONE or header")),
        }
    }
    Ok(Act::Refer { to, replaces, header })
}

fn subscribe(words: &mut Words) -> Read<Act> {
    let to = words.next("a number to watch")?.to_owned();
    let (mut event, mut expires_secs, mut header) = ("dialog".to_owned(), 600, None);
    while let Some(word) = words.maybe() {
        match word {
            "event" => event = words.next("an event package, such as dialog")?.to_owned(),
            "expires" => expires_secs = number(words.next("a number of seconds")?)?,
            "header" => header = Some(words.header()?),
            other => return Err(format!("a SUBSCRIBE has no {other:?}; write event, expires or header")),
        }
    }
    Ok(Act::Subscribe { to, event, expires_secs, header })
}

fn message(words: &mut Words) -> Read<Act> {
    let (mut to, mut from) = (None, None);
    while let Some(word) = words.maybe() {
        match word {
            "to" => to = Some(words.next("a number to write to")?.to_owned()),
            "from" => from = Some(words.next("a user")?.to_owned()),
            "body" => return Ok(Act::Write { to, from, body: words.all() }),
            other => return Err(format!("a MESSAGE has no {other:?}; write to, from and at last body")),
        }
    }
    Err("a MESSAGE without a body says nothing; write body TEXT".to_owned())
}

/// `switch dials 201 then 9385911234567 for ann`, `… for ann aloud`.
fn dials(words: &mut Words) -> Read<Step> {
    words.exactly("dials")?;
    let first = words.next("the number rung first")?.to_owned();
    words.exactly("then")?;
    let then = words.next("the number who answers is brought to")?.to_owned();
    words.exactly("for")?;
    let account = words.next("the person on whose account")?.to_owned();
    let aloud = words
        .maybe()
        .map(|word| if word == "aloud" { Ok(()) } else { Err(format!("{word:?}; write aloud or nothing")) });
    Ok(Step::Dials { first, then, account, aloud: aloud.transpose()?.is_some() })
}

/// `web asked {"event":"started"}`, `web answers {"verb":"hang_up"}`, `web fails`.
fn web(words: &mut Words) -> Read<Step> {
    Ok(match words.next("asked, answers or fails")? {
        "asked" => Step::WebAsked(words.all()),
        "answers" => Step::WebAnswers(Some(words.all())),
        "fails" => Step::WebAnswers(None),
        other => return Err(format!("a web server cannot {other:?}; write asked, answers or fails")),
    })
}

fn mailbox(words: &mut Words) -> Read<Step> {
    let who = words.next("a person's name")?.to_owned();
    let (mut new, mut old) = (0, 0);
    while let Some(word) = words.maybe() {
        match word {
            "new" => new = number(words.next("a number of messages")?)?,
            "old" => old = number(words.next("a number of messages")?)?,
            other => return Err(format!("a mailbox has no {other:?}; write new or old")),
        }
    }
    Ok(Step::Mailbox { who, new, old })
}

fn register(words: &mut Words, waits: bool) -> Read<Act> {
    let (mut expires_secs, mut password, mut instance) = (None, None, None);
    while let Some(word) = words.maybe() {
        match word {
            "expires" => expires_secs = Some(number(words.next("a number of seconds")?)?),
            "password" => password = Some(words.next("a password")?.to_owned()),
            "instance" => instance = Some(words.next("a URN, such as urn:uuid:1")?.to_owned()),
            other => return Err(format!("a REGISTER has no {other:?}; write expires, password or instance")),
        }
    }
    Ok(Act::Register { expires_secs, password, instance, waits })
}

fn expects(who: String, words: &mut Words) -> Read<Step> {
    let what = words.next("a method or a status")?.to_owned();
    if sip_method(&what).is_none() && status(&what).is_none() {
        return Err(format!("{what:?} is neither a method nor a status"));
    }
    let mut pattern = Pattern { what, to: None, header: None, body: None, within: None };
    while let Some(word) = words.maybe() {
        match word {
            "header" => pattern.header = Some(words.header()?),
            "body" => pattern.body = Some(words.all()),
            "within" => pattern.within = Some(duration(words.next("a time such as 5s")?)?),
            method if status(&pattern.what).is_some() && sip_method(method).is_some() => {
                pattern.to = Some(method.to_owned())
            }
            other => {
                return Err(format!(
                    "a message is not looked at for {other:?}; write within TIME, header NAME: VALUE or body TEXT"
                ));
            }
        }
    }
    Ok(Step::Expect { who, pattern })
}

/// `ann heard bob for 3s`.
fn heard(who: String, words: &mut Words) -> Read<Step> {
    let sound = hearing(words)?;
    words.exactly("for")?;
    Ok(Step::Heard { who, sound, lasting: duration(words.next("how long, such as 3s")?)? })
}

fn hearing(words: &mut Words) -> Read<Hearing> {
    Ok(
        match words.next(
            "a phone's name, \"prompt NAME\", \"tone HZ\", \"ringback\", \"music\", \"itself\", \"nothing\" or \"keys KEYS\"",
        )? {
            "nothing" => Hearing::Nothing,
            "itself" => Hearing::Itself,
            "ringback" => Hearing::Ringback,
            "music" => Hearing::Music,
            "prompt" => Hearing::Prompt(words.next("the prompt's name")?.to_owned()),
            "tone" => Hearing::Tone(number(words.next("its hertz")?)?),
            "keys" => Hearing::Keys(words.next("the keys")?.to_owned()),
            voice => Hearing::Voice(voice.to_owned()),
        },
    )
}

/// Sounds that follow each other, and the word after them.
fn one_by_one<'a>(words: &mut Words<'a>) -> Read<(Vec<Hearing>, Option<&'a str>)> {
    let mut sounds = vec![hearing(words)?];
    loop {
        match words.maybe() {
            Some("then") => sounds.push(hearing(words)?),
            next => return Ok((sounds, next)),
        }
    }
}

fn sip_method(word: &str) -> Option<sip::Method> {
    sip::method_named(word)
}

fn status(word: &str) -> Option<u16> {
    word.parse().ok().filter(|status| (100..700).contains(status))
}

fn number(word: &str) -> Read<u32> {
    word.parse().map_err(|_| format!("{word:?} is no number"))
}

fn duration(word: &str) -> Read<Duration> {
    let wrong = || format!("{word:?} is no time; write it as 15s or 200ms");
    match word.strip_suffix("ms") {
        Some(ms) => ms.parse().map(Duration::from_millis).map_err(|_| wrong()),
        None => word.strip_suffix('s').and_then(|secs| secs.parse().ok()).map(Duration::from_secs).ok_or_else(wrong),
    }
}

fn permille(word: &str) -> Read<u16> {
    let percent: Option<u16> = word.strip_suffix('%').and_then(|percent| percent.parse().ok());
    percent
        .filter(|percent| *percent <= 100)
        .map(|percent| percent * 10)
        .ok_or_else(|| format!("{word:?} is no share; write it as 5%"))
}

fn codecs(word: &str) -> Read<Vec<Codec>> {
    if word == "none" {
        return Ok(Vec::new());
    }
    let codec = |name: &str| {
        Codec::from_name(name).ok_or_else(|| format!("{name:?} is no codec; write pcmu, pcma, g722 or opus"))
    };
    word.split(',').map(codec).collect()
}

/// The words of a line, and what is left of it. A comma after a word is only for the eye.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Words<'a> {
        Words { rest: text.trim() }
    }

    fn maybe(&mut self) -> Option<&'a str> {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        Some(word.strip_suffix(',').unwrap_or(word)).filter(|word| !word.is_empty())
    }

    fn next(&mut self, wanted: &str) -> Read<&'a str> {
        self.maybe().ok_or_else(|| format!("the line stops where {wanted} should follow"))
    }

    fn exactly(&mut self, word: &str) -> Read<()> {
        let found = self.next(&format!("{word:?}"))?;
        if found == word { Ok(()) } else { Err(format!("{found:?} stands where {word:?} should")) }
    }

    /// `Name: value`, to the end of the line.
    fn header(&mut self) -> Read<(String, String)> {
        let (name, value) = self.rest.split_once(':').ok_or("a header is written NAME: VALUE")?;
        self.rest = "";
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    }

    /// What is left of the line.
    fn all(&mut self) -> String {
        std::mem::take(&mut self.rest).trim().to_owned()
    }

    fn end(&self) -> Read<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(format!("{:?} is too much; the line was complete before it", self.rest))
        }
    }
}
