//! `centrala flow try`: a caller's way through the menus in a terminal, with keys, on a clock that waits for nobody.
//!
//! Where it stands: it runs the journeys of the switch, on the conf alone. What is played is told by the names of the
//! prompts, what a web server is asked is shown, and its answer typed. Who leaves the menus is not followed.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use audio::{RINGBACK, Sound};
use base::{CallId, LegId, Random, Time, WallClock};
use call::{Call, CallConf, Direction, Do, Input, Knock, MediaRules, NewLeg, Party, What};
use centrala::conf::Conf;
use clap::Args;
use flow::{Ask, FlowConf, Journey, Word};
use route::{Destination, Found};

use crate::{Failure, load};

#[derive(Args)]
pub struct TryArgs {
    #[command(flatten)]
    of: super::Of,
    /// The step to begin with
    #[arg(default_value = "main")]
    step: String,
    /// Who calls
    #[arg(long, default_value = "+15550100")]
    from: String,
}

impl TryArgs {
    pub fn run(self) -> Result<(), Failure> {
        let conf = load(&self.of.conf)?;
        if !conf.flow.menus.contains_key(&self.step) {
            return Err(format!("there is no step {:?} in menus.toml; name one that is", self.step).into());
        }
        println!("Keys are pressed as you type them (12#); an empty line lets time pass; \"bye\" hangs up.");
        let mut walk = Walk::new(&conf, &self.step, &self.from);
        let mut lines = std::io::stdin().lock().lines();
        loop {
            walk.said.drain(..).for_each(|line| println!("{line}"));
            if walk.is_over() {
                return Ok(());
            }
            print!("> ");
            std::io::stdout().flush()?;
            match lines.next() {
                Some(line) => walk.hears(line?.trim()),
                None => walk.hears("bye"),
            }
        }
    }
}

/// One caller on his way.
struct Walk {
    journey: Journey,
    flow: Arc<FlowConf>,
    now: Time,
    /// What is played, and when that is over.
    playing: Option<(u32, Option<Time>)>,
    /// What a web server is to answer.
    ask: Option<Ask>,
    /// The facts that were told.
    told: usize,
    /// The caller left the menus.
    left: bool,
    /// What is to be printed.
    said: Vec<String>,
}

const CALLER: LegId = LegId(1);
const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

impl Walk {
    fn new(conf: &Conf, step: &str, from: &str) -> Walk {
        let call_conf = CallConf {
            formats: vec![sdp::Format::pcma()],
            ringback: RINGBACK.sound(),
            hold_music: conf.hold_music.clone(),
            features: conf.features.clone(),
            mask_max: Duration::from_secs(300),
            record_rate_max: audio::SAMPLE_RATE,
            clock: WallClock::UNIX,
            fingerprints: None,
            beep: None,
        };
        Walk::of(conf.flow.clone(), call_conf, step, from)
    }

    fn of(flow: Arc<FlowConf>, conf: CallConf, step: &str, from: &str) -> Walk {
        let caller = NewLeg {
            leg: CALLER,
            local: ([192, 0, 2, 1], 30000).into(),
            session_id: 1,
            party: Party { number: from.to_owned(), ..Party::default() },
            signalling: [192, 0, 2, 7].into(),
            media: MediaRules::default(),
            random: Random::numbered(2),
            hides_keys: false,
            is_browser: false,
        };
        let call = CallId::new(0, &mut Random::numbered(1));
        let (direction, called, offer) = (Direction::Inbound, String::new(), Some(OFFER.into()));
        let knock = Knock { call, caller, called, direction, offer, hears_reliably: false };
        let found = Found::only(Destination::Menu(step.to_owned()));
        let call = Call::new(knock, Arc::new(conf), Time::ZERO);
        let mut journey = Journey::new(call, found, flow.clone(), Arc::default());
        journey.run();
        let (now, said) = (Time::ZERO, Vec::new());
        let mut walk = Walk { journey, flow, now, playing: None, ask: None, told: 0, left: false, said };
        walk.perform();
        walk
    }

    fn is_over(&self) -> bool {
        self.left || self.journey.call().has_ended()
    }

    /// Does what was typed.
    fn hears(&mut self, line: &str) {
        match (line, self.ask.take()) {
            ("bye", _) => {
                let bye = sip::Event::Ended { leg: CALLER, end: sip::End::Bye };
                self.journey.handle(Input::Sip(bye), self.now);
                self.perform();
            }
            (line, Some(ask)) => {
                let answer = serde_json::from_str(line).map_err(|why| why.to_string());
                if let Err(why) = &answer {
                    self.says(&format!("no answer ({why})"));
                }
                self.journey.answered(ask.number, answer, self.now);
                self.perform();
            }
            ("", None) => self.passes(),
            (keys, None) => {
                for digit in keys.chars().filter(|key| key.is_ascii_digit() || "*#".contains(*key)) {
                    self.journey.handle(Input::Media(media::Event::Digit { leg: CALLER, digit }), self.now);
                    self.perform();
                }
            }
        }
    }

    /// Time passes to whatever is next.
    fn passes(&mut self) {
        let played = self.playing.and_then(|(_, until)| until);
        let Some(next) = [played, self.journey.call().deadline()].into_iter().flatten().min() else { return };
        self.now = self.now.max(next);
        match self.playing {
            Some((player, Some(until))) if until <= self.now => {
                self.playing = None;
                self.journey.handle(Input::Media(media::Event::Played { leg: CALLER, player }), self.now);
            }
            _ => self.journey.handle(Input::Tick, self.now),
        }
        self.perform();
    }

    fn perform(&mut self) {
        loop {
            let (words, wishes) = (self.journey.take_words(), self.journey.take_wishes());
            self.tells();
            if words.is_empty() && wishes.is_empty() || self.left {
                return;
            }
            for word in words {
                if let Word::Ask(ask) = word
                    && !self.journey.call().has_ended()
                {
                    let body = ask.body.as_deref().unwrap_or_default();
                    self.says(&format!("asks {} {body}", ask.url));
                    self.says("what does it answer? (JSON; an empty line: nothing)");
                    self.ask = Some(ask);
                }
            }
            for wish in wishes {
                match wish {
                    Do::Media(media::Command::Play { player, sound, repeat, .. }) => {
                        let secs: f64 = sound.sounds().iter().map(Sound::seconds).sum();
                        let until = (!repeat).then(|| self.now + Duration::from_secs_f64(secs));
                        self.playing = Some((player, until));
                        let names: Vec<String> = sound.sounds().iter().map(|sound| self.named(sound)).collect();
                        self.says(&format!("hears {}", names.join(" ")));
                    }
                    Do::Media(media::Command::Stop { .. }) => self.playing = None,
                    Do::Find(targets) => {
                        self.journey.place(targets.iter().map(|_| Err(480)).collect(), self.now);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Tells what became of the caller.
    fn tells(&mut self) {
        let new: Vec<What> = self.journey.call().facts()[self.told..].iter().map(|fact| fact.what.clone()).collect();
        self.told += new.len();
        for what in new {
            match what {
                What::Entered { destination } => {
                    self.says(&format!("comes to {destination}"));
                    if !destination.starts_with("menu:") && !destination.starts_with("play:") {
                        self.left = true;
                        return; // what becomes of him there is another story
                    }
                }
                What::Field { name, value } => self.says(&format!("{name} is {value:?}")),
                What::Key { key } => self.says(&format!("presses {key}")),
                What::Silenced { .. } => self.says("from here nothing is kept"),
                What::HungUp { cause, .. } => self.says(&format!("the call ends: {cause}")),
                _ => {}
            }
        }
    }

    fn says(&mut self, what: &str) {
        let secs = self.now.since(Time::ZERO).as_secs_f64();
        self.said.push(format!("{secs:>8.1} s  {what}"));
    }

    /// The prompts a sound is made of, as far as they are known by their sound.
    fn named(&self, sound: &Sound) -> String {
        let prompts = self.flow.prompts.iter().flat_map(|(name, prompt)| prompt.sounds().map(move |one| (name, one)));
        let mut prompts: Vec<(&String, &Sound)> = prompts.filter(|(_, one)| !one.pcm().is_empty()).collect();
        prompts.sort_by_key(|(name, one)| (std::cmp::Reverse(one.pcm().len()), *name));
        let (mut names, mut rest) = (Vec::new(), sound.pcm());
        while let Some((name, one)) = prompts.iter().find(|(_, one)| rest.starts_with(one.pcm())) {
            names.push(name.to_string());
            rest = &rest[one.pcm().len()..];
        }
        if !rest.is_empty() {
            names.push(format!("({:.1} s of sound)", rest.len() as f64 / 8000.0));
        }
        names.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use audio::tone;
    use call::FeatureConf;
    use flow::{CollectConf, HookConf, MenuConf, Phrase, Piece, QuestionConf, ServerConf, Spoken, StepConf};

    use super::*;

    fn walk(step: &str, lines: &[&str]) -> Vec<String> {
        let prompt = |hz| Spoken::only(Sound::from_pcm(tone(&[(hz, -20.0)], 1000)));
        let (welcome, enter) = (prompt(440.0), prompt(660.0));
        let to = |text: &str| text.parse::<Destination>().expect("a destination");
        let both = Phrase::new(vec![Piece::Prompt(welcome.clone()), Piece::Prompt(enter.clone())]);
        let menu = MenuConf {
            question: QuestionConf { tries: 2, ..QuestionConf::new(both) },
            keys: HashMap::from([('1', to("menu:account"))]),
            extensions: false,
            names: false,
            otherwise: to("queue:support"),
            silent: to("play:enter"),
        };
        let collect = CollectConf {
            question: QuestionConf::new(Phrase::new(vec![Piece::Prompt(enter.clone())])),
            into: "account".to_owned(),
            min: 2,
            max: 6,
            end: Some('#'),
            allowed: Vec::new(),
            then: to("menu:led"),
            otherwise: to("reject:480"),
        };
        let url = "http://ivr.example/".parse().expect("an address");
        let server = ServerConf { url, token: None, limit: Duration::from_secs(3) };
        let hook =
            HookConf { server, says: HashMap::new(), leads: vec![to("queue:support")], otherwise: to("reject:480") };
        let menus = HashMap::from([
            ("main".to_owned(), StepConf::Menu(Arc::new(menu))),
            ("account".to_owned(), StepConf::Collect(Arc::new(collect))),
            ("led".to_owned(), StepConf::Hook(Arc::new(hook))),
        ]);
        let prompts = HashMap::from([("welcome".to_owned(), welcome), ("enter".to_owned(), enter)]);
        let flow = FlowConf { menus, prompts, ..FlowConf::default() };
        let conf = CallConf {
            formats: vec![sdp::Format::pcma()],
            ringback: RINGBACK.sound(),
            hold_music: audio::music().into(),
            features: FeatureConf::default(),
            mask_max: Duration::from_secs(300),
            record_rate_max: audio::SAMPLE_RATE,
            clock: WallClock::UNIX,
            fingerprints: None,
            beep: None,
        };
        let mut walk = Walk::of(Arc::new(flow), conf, step, "+15550100");
        lines.iter().for_each(|line| walk.hears(line));
        assert!(walk.is_over(), "{:#?}", walk.said);
        walk.said.iter().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn a_caller_is_walked_through_the_menus_by_keys_and_answers() {
        let said = walk("main", &["", "1", "42#", r#"{"verb":"go","to":"queue:support"}"#]);
        let wanted = [
            "0.0 s  comes to menu:main",
            "0.0 s  hears welcome enter",
            "2.0 s  presses 1",
            "2.0 s  comes to menu:account",
            "2.0 s  hears enter",
            "2.0 s  presses 4",
            "2.0 s  presses 2",
            "2.0 s  presses #",
            "2.0 s  account is \"42\"",
            "2.0 s  comes to menu:led",
        ];
        assert_eq!(said[..wanted.len()], wanted);
        assert!(said[wanted.len()].starts_with("2.0 s  asks http://ivr.example/ {"), "{said:#?}");
        assert_eq!(said.last().map(String::as_str), Some("2.0 s  comes to queue:support"));
    }

    #[test]
    fn time_passes_by_empty_lines_and_who_hangs_up_is_gone() {
        let said = walk("main", &["", "", "", "", "", ""]); // two tries of two seconds and five, then an announcement
        assert_eq!(said.last().map(String::as_str), Some("15.0 s  the call ends: announced"));
        assert!(said.contains(&"14.0 s  comes to play:enter".to_owned()), "{said:#?}");
        assert_eq!(walk("account", &["bye"]).last().map(String::as_str), Some("0.0 s  the call ends: bye"));
    }
}
