//! What voicemail says, and how long a message may be.

use std::collections::HashMap;
use std::time::Duration;

use audio::Sound;

use crate::Phrase;

/// Voicemail, as callers and owners meet it.
#[derive(Clone, Debug)]
pub struct VoicemailConf {
    /// What callers hear first, where the person has no greeting; nothing: the tone alone.
    pub greeting: Option<Phrase>,
    /// A person's own.
    pub greetings: HashMap<String, Phrase>,
    /// What is to be keyed in to listen, by account.
    pub pins: HashMap<String, String>,
    /// A message ends after so long,
    pub message_max: Duration,
    /// or when nobody has spoken for so long.
    pub silence: Option<Duration>,
    /// How long to wait for a key.
    pub patience: Duration,
    /// That the PIN is wanted.
    pub pin: Option<Phrase>,
    /// How many messages there are: `new` and `old`.
    pub intro: Option<Phrase>,
    /// Before each: when it was left (`at`), and by whom (`caller`).
    pub envelope: Option<Phrase>,
    /// What the keys do.
    pub menu: Option<Phrase>,
    /// Which greeting is to be changed,
    pub greetings_menu: Option<Phrase>,
    /// and what the keys do to it.
    pub greeting_menu: Option<Phrase>,
    /// There are no more.
    pub no_more: Option<Phrase>,
    /// Speak now; and whatever else the conf has no words for.
    pub tone: Sound,
    /// It is done.
    pub done: Sound,
    /// It cannot be.
    pub failed: Sound,
}

/// No words, and silent tones.
impl Default for VoicemailConf {
    fn default() -> VoicemailConf {
        let silence = Sound::from_pcm(audio::silence(20));
        VoicemailConf {
            greeting: None,
            greetings: HashMap::new(),
            pins: HashMap::new(),
            message_max: Duration::from_secs(180),
            silence: None,
            patience: Duration::from_secs(5),
            pin: None,
            intro: None,
            envelope: None,
            menu: None,
            greetings_menu: None,
            greeting_menu: None,
            no_more: None,
            tone: silence.clone(),
            done: silence.clone(),
            failed: silence,
        }
    }
}
