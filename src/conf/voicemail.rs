//! `conf/voicemail.toml`: what callers hear who leave a message, and people who listen to theirs.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU16;
use std::time::Duration;

use audio::Sound;
use flow::{Phrase, VoicemailConf};
use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::mail::{self, MailConf, MailTable};
use super::names::Names;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct VoicemailFile {
    message_secs_max: Option<Spanned<u16>>,
    patience_secs: Option<Spanned<u16>>,
    /// A message ends when nobody has spoken for so long.
    silence_secs: Option<Spanned<u16>>,
    transcript: Vec<String>,
    transcript_secs_max: Option<NonZeroU16>,
    mail: Option<MailTable>,
    say: SayTable,
    person: BTreeMap<Spanned<String>, PersonTable>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SayTable {
    greeting: Option<Spanned<String>>,
    pin: Option<Spanned<String>>,
    intro: Option<Spanned<String>>,
    envelope: Option<Spanned<String>>,
    menu: Option<Spanned<String>>,
    greetings: Option<Spanned<String>>,
    greeting_menu: Option<Spanned<String>>,
    no_more: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PersonTable {
    greeting: Option<Spanned<String>>,
    pin: Option<Spanned<String>>,
    email: Option<Spanned<String>>,
}

impl VoicemailFile {
    /// Checked.
    pub(super) fn checked(self, file: &mut File<'_>, names: &mut Names<'_>) -> (VoicemailConf, MailConf) {
        let usual = VoicemailConf::default();
        let mut secs = |said: Option<Spanned<u16>>, name: &str, usual: Duration| match said {
            Some(said) if !(1..=3600).contains(said.get_ref()) => {
                file.problem(said.span(), format!("{name} is a number from 1 to 3600"));
                usual
            }
            said => said.map_or(usual, |said| Duration::from_secs((*said.get_ref()).into())),
        };
        let message_max = secs(self.message_secs_max, "message_secs_max", usual.message_max);
        let patience = secs(self.patience_secs, "patience_secs", usual.patience);
        let silence = self.silence_secs.map(|said| secs(Some(said), "silence_secs", usual.patience));
        let mut says = |file: &mut File<'_>, said: Option<Spanned<String>>| -> Option<Phrase> {
            said.map(|said| names.phrase(file, &said))
        };
        let (mut greetings, mut pins, mut emails) = (HashMap::new(), HashMap::new(), Vec::new());
        let say = self.say;
        let conf = VoicemailConf {
            greeting: says(file, say.greeting),
            pin: says(file, say.pin),
            intro: says(file, say.intro),
            envelope: says(file, say.envelope),
            menu: says(file, say.menu),
            greetings_menu: says(file, say.greetings),
            greeting_menu: says(file, say.greeting_menu),
            no_more: says(file, say.no_more),
            message_max,
            silence,
            patience,
            tone: Sound::from_pcm(audio::tone(&[(TONE_HZ, DBFS)], 300)),
            done: Sound::from_pcm(audio::melody(&[(660.0, 150), (880.0, 250)], DBFS)),
            failed: Sound::from_pcm(audio::melody(&[(880.0, 150), (660.0, 250)], DBFS)),
            ..usual
        };
        for (account, said) in self.person {
            names.check(file, &Destination::Person(account.get_ref().clone()), &account.span());
            let account = account.into_inner();
            greetings.extend(said.greeting.map(|text| (account.clone(), names.phrase(file, &text))));
            emails.extend(said.email.map(|email| (account.clone(), email)));
            if let Some(pin) = said.pin {
                let text = pin.get_ref();
                if !(4..=12).contains(&text.len()) || !text.bytes().all(|digit| digit.is_ascii_digit()) {
                    file.problem(pin.span(), "a PIN has four to twelve digits");
                }
                pins.insert(account, pin.into_inner());
            }
        }
        let mail = mail::checked(file, self.mail, emails, self.transcript, self.transcript_secs_max);
        (VoicemailConf { greetings, pins, ..conf }, mail)
    }
}

/// What voicemail has sounded like since the answering machine.
const TONE_HZ: f64 = 1400.0;
const DBFS: f64 = -18.0;
