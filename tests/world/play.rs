//! Runs a script in a world of its own.

use std::net::SocketAddr;
use std::time::Duration;

use audio::goertzel;
use base::Random;
use serde_json::Value;
use sim::phone::{By, Command, Dial, Event, Manner, Subscribe, Text};
use sim::script::{Act, Dialled, Hearing, Identity, Line, Pattern, Step};
use sim::{NetworkConf, Script};
use sip::{Mailbox, Message, Method, Name};

use super::centre::PROMPTS;
use super::{SWITCH, World, voice};

type Played<T = ()> = Result<T, String>;

/// Runs a script to its end; the error has the file and line, and the ladder up to there.
pub fn play(script: &Script) -> Result<World, String> {
    let name = script.file.rsplit('/').next().unwrap_or("script");
    let mut theatre = Theatre { world: World::new(name, 1), patience: SOON, cdrs: 0, recordings: 0 };
    let ends = Line {
        number: script.lines.last().map_or(0, |line| line.number),
        text: "(the end)".to_owned(),
        step: Step::Wait(Duration::ZERO),
    };
    for line in &script.lines {
        theatre.step(&line.step).map_err(|what| theatre.failure(script, line, &what))?;
    }
    theatre.ends().map_err(|what| theatre.failure(script, &ends, &what))?;
    Ok(theatre.world)
}

struct Theatre {
    world: World,
    /// How soon things must happen.
    patience: Duration,
    cdrs: usize,
    recordings: usize,
}

/// On a quiet network.
const SOON: Duration = Duration::from_millis(1_000);
/// On a bad one: as long as a transaction takes to give up.
const LATER: Duration = Duration::from_secs(33);
/// How long before an ear is asked, and of how much.
const SETTLE: Duration = Duration::from_millis(350);
const LISTEN: Duration = Duration::from_millis(200);

impl Theatre {
    fn step(&mut self, step: &Step) -> Played {
        match step {
            Step::Phone { name, is } => self.phone(name, is),
            Step::Network(conf) => {
                self.patience = if *conf == NetworkConf::default() || conf.lost_permille == 0 { SOON } else { LATER };
                self.world.network.becomes(*conf);
                Ok(())
            }
            Step::Fork { trunk, phones } => self.fork(trunk, phones),
            Step::Wait(duration) => self.wait(*duration),
            Step::Does { who, act } => {
                let who = self.desk(who)?;
                self.act(who, act)
            }
            Step::Expect { who, pattern } => {
                let who = self.desk(who)?;
                self.expect(who, pattern)
            }
            Step::Heard { who, sound, lasting } => {
                let who = self.desk(who)?;
                self.heard(who, sound, *lasting)
            }
            Step::Hears { who, sound } => {
                let who = self.desk(who)?;
                self.hears(who, sound)
            }
            Step::Recording { left, right, seconds, sidecar } => {
                self.recording(left, right, *seconds)?;
                self.sidecar(sidecar)
            }
            Step::NoRecording => match self.world.recordings.get(self.recordings) {
                None => Ok(()),
                Some((id, _)) => Err(format!("there is a recording, {id:?}")),
            },
            Step::Cdr(fields) => self.cdr(fields),
            Step::WebAsked(what) => self.web_asked(what),
            Step::WebAnswers(answer) => {
                let answer = match answer {
                    Some(text) => Ok(serde_json::from_str(text).map_err(|why| format!("{text}: {why}"))?),
                    None => Err("out of order".to_owned()),
                };
                if self.world.web_answers(answer) { Ok(()) } else { Err("no web server is asked anything".to_owned()) }
            }
            Step::Dials { account, first, then, aloud } => self.world.dials(account, first, then, *aloud),
            Step::Mailbox { who, new, old } => {
                let mailbox = Mailbox { new: *new, old: *old, ..Mailbox::default() };
                if self.world.mailbox(who, mailbox) { Ok(()) } else { Err(format!("there is no person {who:?}")) }
            }
        }
    }

    fn web_asked(&mut self, what: &str) -> Played {
        let end = self.world.now + self.patience;
        self.world.pass_until(end, |world| !world.asks.is_empty());
        let ask = self.world.asks.front().ok_or("no web server is asked anything")?;
        let Ok(Value::Object(fields)) = serde_json::from_str(what) else {
            return if ask.url.ends_with(what) { Ok(()) } else { Err(format!("it is asked at {}", ask.url)) };
        };
        let asked: Value = serde_json::from_str(ask.body.as_deref().unwrap_or("null")).unwrap_or_default();
        match fields.iter().find(|(name, value)| asked[name.as_str()] != **value) {
            None => Ok(()),
            Some((name, _)) => Err(format!("{name} is another in {asked}")),
        }
    }

    /// The phone of that name; a person's first one is put on its desk when it is named first.
    fn desk(&mut self, name: &str) -> Played<usize> {
        if let Some(desk) = self.world.desk(name) {
            return Ok(desk);
        }
        if !self.world.conf.people.contains_key(name) {
            return Err(format!(
                "{name:?} is no person of tests/scripts/centre/people.toml, and no phone line names it"
            ));
        }
        Ok(self.world.place(name, Some(name), None, Manner::Scripted))
    }

    fn phone(&mut self, name: &str, is: &Identity) -> Played {
        let (account, sip) = match is {
            Identity::Person(account) if !self.world.conf.people.contains_key(account.as_str()) => {
                return Err(format!("there is no person {account:?} in tests/scripts/centre/people.toml"));
            }
            Identity::Person(account) => (Some(account.as_str()), None),
            Identity::Trunk(name, at) => {
                let trunk = self.world.conf.trunks.get(name).ok_or_else(|| format!("there is no trunk {name:?}"))?;
                let own = trunk.place.host.address().map(|ip| SocketAddr::new(ip, trunk.place.port.unwrap_or(5060)));
                let at = at.or(own).ok_or_else(|| format!("{name} is a name; say which of its servers, with at"))?;
                (None, Some(at))
            }
            Identity::Stranger => (None, None),
        };
        self.world.place(name, account, sip, Manner::Scripted);
        Ok(())
    }

    fn fork(&mut self, trunk: &str, phones: &[String]) -> Played {
        let known = self
            .world
            .conf
            .trunks
            .get(trunk)
            .and_then(|trunk| Some(SocketAddr::new(trunk.place.host.address()?, trunk.place.port.unwrap_or(5060))));
        let address = known.ok_or_else(|| format!("there is no trunk {trunk:?} with an address"))?;
        let desks: Played<Vec<usize>> = phones.iter().map(|name| self.desk(name)).collect();
        self.world.fork(address, &desks?);
        Ok(())
    }

    fn act(&mut self, who: usize, act: &Act) -> Played {
        let world = &mut self.world;
        match act {
            Act::Register { expires_secs, password, instance, waits } => {
                if let Some(password) = password {
                    let conf = sim::phone::PhoneConf {
                        password: Some(password.clone()),
                        ..world.desks[who].phone.conf().clone()
                    };
                    world.desks[who].phone = sim::Phone::new(conf, Random::numbered(99));
                }
                if instance.is_some() {
                    let conf =
                        sim::phone::PhoneConf { instance: instance.clone(), ..world.desks[who].phone.conf().clone() };
                    world.desks[who].phone = sim::Phone::new(conf, Random::numbered(who as u64 + 200));
                }
                let expires_secs = expires_secs.unwrap_or(world.desks[who].phone.conf().expires_secs);
                world.push(who, Command::Register { expires_secs });
                if *waits {
                    return self.expect(
                        who,
                        &Pattern { what: "200".to_owned(), to: None, header: None, body: None, within: None },
                    );
                }
            }
            Act::Invite(Dialled { to, codecs, from, header, replaces, early_only, joins, listens }) => {
                let mut headers: Vec<_> =
                    header.iter().map(|(name, value)| (Name::from(name.as_str()), value.clone())).collect();
                let named = |phone: &str| {
                    let dialog = match phone {
                        "lamp" => world.desks[who].phone.lamp().map(str::to_owned),
                        phone => world.desk(phone).and_then(|desk| world.desks[desk].phone.dialog()),
                    };
                    dialog.ok_or_else(|| format!("{phone} has no call"))
                };
                if let Some(phone) = joins {
                    headers.push((Name::Join, named(phone)?));
                    headers.push((Name::Require, "join".to_owned()));
                }
                if let Some(phone) = replaces {
                    let dialog = named(phone)?;
                    headers.push((Name::Replaces, dialog + if *early_only { ";early-only" } else { "" }));
                    headers.push((Name::Require, "replaces".to_owned()));
                }
                let (to, codecs, from) = (to.clone(), codecs.clone(), from.clone());
                let dial = Dial { to, codecs, from, headers, listens: *listens };
                world.push(who, Command::Call(dial));
            }
            Act::Say { status, codecs, reliably } => {
                world.push(who, Command::Say { status: *status, codecs: codecs.clone(), reliably: *reliably })
            }
            Act::HangUp => world.push(who, Command::HangUp),
            Act::Presses { keys, by } => {
                for key in keys.chars() {
                    world.push(who, Command::Press { key, by: *by });
                }
            }
            Act::Changes { by: By::Prack, hold } => world.push(who, Command::Change { hold: *hold, by: By::Prack }),
            Act::Changes { hold, by } => return self.changes(who, Command::Change { hold: *hold, by: *by }),
            Act::AsksForOffer => return self.changes(who, Command::AskForOffer),
            Act::Refer { to, replaces, header } => {
                let to = if to.contains(':') { to.clone() } else { format!("sip:{to}@{SWITCH}") };
                let to = match replaces {
                    None => format!("<{to}>"),
                    Some(phone) => {
                        let other = world.desk(phone).and_then(|desk| world.desks[desk].phone.dialog());
                        let dialog = other.ok_or_else(|| format!("{phone} has no call"))?;
                        format!("<{to}?Replaces={}>", dialog.replace(';', "%3B").replace('=', "%3D"))
                    }
                };
                let header = header.as_ref().map(|(name, value)| (Name::from(name.as_str()), value.clone()));
                world.push(who, Command::Refer { to, header });
            }
            Act::Subscribe { to, event, expires_secs, header } => {
                let header = header.as_ref().map(|(name, value)| (Name::from(name.as_str()), value.clone()));
                let (to, event) = (to.clone(), event.clone());
                world.push(who, Command::Subscribe(Subscribe { to, event, expires_secs: *expires_secs, header }));
            }
            Act::Publish { says } => world.push(who, Command::Publish(says.clone())),
            Act::Write { to, from, body } => {
                let text = Text { to: to.clone(), from: from.clone(), header: None, body: body.clone() };
                world.push(who, Command::Write(text));
            }
            Act::Speaks(true) => {
                let sound = voice(world.desks[who].hz);
                world.push(who, Command::Speak(sound));
            }
            Act::Speaks(false) => world.push(who, Command::Speak(audio::Sound::from_pcm(Vec::new()))),
            Act::Encrypts(srtp) => {
                let desk = &mut world.desks[who];
                let conf = sim::phone::PhoneConf { srtp: *srtp, ..desk.phone.conf().clone() };
                desk.phone = sim::Phone::new(conf, Random::numbered(who as u64 + 100));
            }
            Act::Vanishes => world.push(who, Command::Vanish),
        }
        Ok(())
    }

    /// Another session is wanted, and got; after a glare it takes longer.
    fn changes(&mut self, who: usize, button: Command) -> Played {
        let before = self.world.desks[who].events.len();
        self.world.push(who, button);
        let changed = |world: &World| {
            world.desks[who].events[before..].iter().any(|(_, event)| matches!(event, Event::Changed { .. }))
        };
        let glare = self.patience.max(Duration::from_secs(6));
        if self.world.pass_until(self.world.now + glare, changed) {
            return Ok(());
        }
        Err("nobody answered the offer".to_owned())
    }

    fn expect(&mut self, who: usize, pattern: &Pattern) -> Played {
        let until = self.world.now + pattern.within.unwrap_or(self.patience);
        loop {
            while let Some((_, message)) = self.world.desks[who].heard.pop_front() {
                if matches(&message, pattern) {
                    has_header(&message, pattern)?;
                    return has_body(&message, pattern);
                }
                if is_important(&message) {
                    return Err(format!(
                        "{} hears {}, not {}",
                        self.world.desks[who].name,
                        word(&message),
                        pattern.what
                    ));
                }
            }
            if !self.world.pass_until(until, |world| !world.desks[who].heard.is_empty()) {
                return Err(format!("{} does not hear {}", self.world.desks[who].name, pattern.what));
            }
        }
    }

    fn wait(&mut self, duration: Duration) -> Played {
        self.world.pass(duration);
        let recent = self.world.now - Duration::from_millis(500);
        for desk in &self.world.desks {
            let early = desk.heard.iter().find(|(at, message)| is_important(message) && *at < recent);
            if let Some((at, message)) = early {
                return Err(format!("{} hears {} at {at:?}, which no line expects", desk.name, word(message)));
            }
        }
        Ok(())
    }

    fn hears(&mut self, who: usize, sound: &Hearing) -> Played {
        if let Hearing::Keys(keys) = sound {
            let heard = |world: &World| world.desks[who].phone.ear().is_some_and(|ear| ear.keys() == keys);
            self.world.pass_until(self.world.now + 2 * SOON, heard);
            let ear = self.world.desks[who].phone.ear();
            let told = ear.map_or("", |ear| ear.keys());
            return if told == keys { Ok(()) } else { Err(format!("the keys heard are {told:?}")) };
        }
        let hz = self.hz(who, sound)?;
        let until = self.world.now + self.patience;
        loop {
            self.world.pass(SETTLE);
            let world = &self.world;
            let ear = world.desks[who].phone.ear();
            let samples = ear.map(|ear| ear.since(world.now - LISTEN)).unwrap_or_default();
            match is_sound(&samples, hz) {
                Ok(()) => return Ok(()),
                Err(what) if world.now >= until => return Err(what),
                Err(_) => {}
            }
        }
    }

    fn heard(&mut self, who: usize, sound: &Hearing, lasting: Duration) -> Played {
        let hz = self.hz(who, sound)?.ok_or("silence has no gaps")?;
        let ear = self.world.desks[who].phone.ear().ok_or("there is no call")?;
        is_whole(&ear.since(self.world.now - lasting), hz, lasting)
    }

    /// The tone a sound is; none is silence.
    fn hz(&mut self, who: usize, sound: &Hearing) -> Played<Option<f64>> {
        Ok(match sound {
            Hearing::Nothing => None,
            Hearing::Itself => Some(self.world.desks[who].hz),
            Hearing::Voice(name) => {
                let desk = self.desk(name)?;
                Some(self.world.desks[desk].hz)
            }
            Hearing::Prompt(name) => {
                let prompt = PROMPTS.iter().find(|(known, ..)| known == name);
                Some(prompt.ok_or_else(|| format!("there is no prompt {name:?} in tests/world/centre.rs"))?.1)
            }
            Hearing::Ringback => Some(425.0),
            Hearing::Music => return self.hz(who, &Hearing::Prompt("music".to_owned())),
            Hearing::Tone(hz) => Some(f64::from(*hz)),
            Hearing::Keys(_) => return Err("keys are no sound".to_owned()),
        })
    }

    fn recording(&mut self, left: &[Hearing], right: &[Hearing], seconds: Option<u32>) -> Played {
        let next = self.recordings;
        self.recordings += 1;
        let closed = |world: &World| world.recordings.get(next).is_some_and(|(_, file)| file.is_some());
        if !self.world.pass_until(self.world.now + Duration::from_secs(10), closed) {
            return Err("there is no such recording, or it is still open".to_owned());
        }
        let file = self.world.recordings[next].1.clone().unwrap_or_default();
        let path = self.world.folder.path().join("recordings").join(&file);
        let [heard_left, heard_right] = read_wav(&path)?;
        if !path.with_extension("json").is_file() {
            return Err(format!("{file} has no sidecar"));
        }
        let length = heard_left.len() as f64 / 8_000.0;
        if seconds.is_some_and(|seconds| (length - f64::from(seconds)).abs() > 0.5) {
            return Err(format!("the recording is {length:.2} s long"));
        }
        for (side, samples, sounds) in [("left", heard_left, left), ("right", heard_right, right)] {
            let hz = sounds.iter().map(|sound| self.hz(0, sound)).collect::<Played<Vec<_>>>()?;
            let right = match hz[..] {
                [hz] => mostly(&samples, hz),
                _ => in_turn(&samples, &hz.into_iter().flatten().collect::<Vec<_>>()),
            };
            right.map_err(|what| format!("{side}: {what}"))?;
        }
        Ok(())
    }

    /// The recording just heard is told of so.
    fn sidecar(&self, fields: &[(String, String)]) -> Played {
        let file = self.world.recordings[self.recordings - 1].1.clone().unwrap_or_default();
        let path = self.world.folder.path().join("recordings").join(&file).with_extension("json");
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        let sidecar: Value = serde_json::from_str(&text).map_err(|why| format!("{}: {why}", path.display()))?;
        for (field, wanted) in fields {
            let value = sidecar.pointer(&format!("/{}", field.replace('.', "/"))).unwrap_or(&Value::Null);
            if !fits(value, wanted) {
                return Err(format!("{field} is {}, not {wanted}\n{sidecar:#}", shown(value)));
            }
        }
        Ok(())
    }

    fn cdr(&mut self, fields: &[(String, String)]) -> Played {
        let next = self.cdrs;
        self.cdrs += 1;
        if !self.world.pass_until(self.world.now + 2 * LATER, |world| world.cdrs.len() > next) {
            return Err("there is no such call record: the call goes on, or nobody called".to_owned());
        }
        let cdr = &self.world.cdrs[next];
        for (field, wanted) in fields {
            let within = || field.split_once('.').and_then(|(of, field)| cdr.get(of)?.get(field));
            let value = cdr.get(field).or_else(|| cdr.get(format!("{field}_secs"))).or_else(within);
            let value = value.unwrap_or(&Value::Null);
            if !fits(value, wanted) {
                return Err(format!("{field} is {}, not {wanted}\n{cdr:#}", shown(value)));
            }
        }
        Ok(())
    }

    /// All calls end, all ports come home, and nothing was heard or written that no line expects.
    fn ends(&mut self) -> Played {
        let over = |world: &World| world.switch.calls() == 0;
        self.world.pass_until(self.world.now + LATER, over);
        if self.world.switch.calls() > 0 {
            return Err(format!("{} calls are not over", self.world.switch.calls()));
        }
        self.world.pass_until(self.world.now + 2 * LATER, |world| world.broken_laws().is_empty());
        if let Some(law) = self.world.broken_laws().first() {
            return Err(law.clone());
        }
        for desk in &self.world.desks {
            let left = desk.heard.iter().find(|(_, message)| is_important(message) && word(message) != "BYE");
            if let Some((at, message)) = left {
                return Err(format!("{} heard {} at {at:?}, which no line expects", desk.name, word(message)));
            }
        }
        let more = &self.world.cdrs[self.cdrs..];
        if let Some(cdr) = more.first() {
            return Err(format!("there is a call record no line expects\n{cdr:#}"));
        }
        Ok(())
    }

    fn failure(&self, script: &Script, line: &Line, what: &str) -> String {
        let Script { file, title, .. } = script;
        let ladder = self.world.ladder.join("\n");
        let (number, text) = (line.number, &line.text);
        format!("{file}:{number}: {text}\n    {what}\n    (at {:?}, {title})\n{ladder}\n", self.world.now)
    }
}

fn matches(message: &Message, pattern: &Pattern) -> bool {
    match message {
        Message::Request(request) => sip::method_name(request.method) == pattern.what,
        Message::Response(response) => {
            let method = response.cseq().map_or("", |(_, method)| method);
            let answers = pattern.to.as_deref().map_or(matches!(method, "INVITE" | "REGISTER"), |to| to == method);
            response.status.to_string() == pattern.what && answers
        }
    }
}

fn word(message: &Message) -> String {
    match message {
        Message::Request(request) => sip::method_name(request.method).to_owned(),
        Message::Response(response) => response.status.to_string(),
    }
}

fn has_header(message: &Message, pattern: &Pattern) -> Played {
    let Some((name, value)) = &pattern.header else { return Ok(()) };
    let known = Name::from(name.as_str());
    let headers: Vec<&str> = message.headers().all(&known).collect();
    if headers.iter().any(|header| header.contains(value.as_str())) {
        return Ok(());
    }
    Err(format!("{name} is {headers:?}"))
}

fn has_body(message: &Message, pattern: &Pattern) -> Played {
    let Some(wanted) = &pattern.body else { return Ok(()) };
    let body = match message {
        Message::Request(request) => &request.body,
        Message::Response(response) => &response.body,
    };
    let body = String::from_utf8_lossy(body);
    if body.contains(wanted.as_str()) { Ok(()) } else { Err(format!("the body is {body:?}")) }
}

/// What may not pass unseen: INVITE, CANCEL, BYE, and refusals other than a challenge.
fn is_important(message: &Message) -> bool {
    match message {
        Message::Request(request) => matches!(request.method, Method::Invite | Method::Cancel | Method::Bye),
        Message::Response(response) => response.status >= 300 && !matches!(response.status, 401 | 407),
    }
}

fn is_sound(samples: &[i16], hz: Option<f64>) -> Played {
    let level = audio::rms_dbfs(samples);
    match hz {
        None if samples.is_empty() || level < -60.0 => Ok(()),
        None => Err(format!("there is sound, {level:.0} dBFS: {}", loudest(samples))),
        Some(_) if samples.len() < 800 => Err("there is no sound".to_owned()),
        Some(hz) if goertzel::share(samples, hz) > 0.8 => Ok(()),
        Some(hz) => Err(format!("{hz:.0} Hz is not what is heard, {level:.0} dBFS: {}", loudest(samples))),
    }
}

/// A tone all the while, without a gap of more than 20 ms and without a click.
fn is_whole(samples: &[i16], hz: f64, lasting: Duration) -> Played {
    let ms = |samples: usize| samples as u64 / 8;
    if Duration::from_millis(ms(samples.len()) + 40) < lasting {
        return Err(format!("only {} ms were heard", ms(samples.len())));
    }
    let (mut gap, mut longest, mut at) = (0, 0, 0);
    for (n, window) in samples.chunks_exact(WINDOW).enumerate() {
        gap = if goertzel::share(window, hz) > 0.8 { 0 } else { gap + WINDOW };
        if gap > longest {
            (longest, at) = (gap, n * WINDOW);
        }
    }
    if longest > 2 * WINDOW {
        return Err(format!("{} ms of it are missing, {} ms before now", ms(longest), ms(samples.len() - at)));
    }
    // No step is steeper than the tone's own, by far: 10 dB.
    let peak = samples.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(0.0, f64::max);
    let steepest = 2.0 * peak * (std::f64::consts::PI * hz / 8000.0).sin();
    let step = |pair: &[i16]| f64::from(pair[0]) - f64::from(pair[1]);
    match samples.windows(2).position(|pair| step(pair).abs() > 3.2 * steepest) {
        Some(at) => Err(format!("there is a click, {} ms before now", ms(samples.len() - at))),
        None => Ok(()),
    }
}

/// 10 ms.
const WINDOW: usize = 80;

/// The same of a long recording, whatever interrupts it: where there is sound it is this one, but for its edges.
fn mostly(samples: &[i16], hz: Option<f64>) -> Played {
    if hz.is_none() {
        return is_sound(samples, hz);
    }
    let pieces: Vec<&[i16]> = samples.chunks_exact(800).filter(|piece| audio::rms_dbfs(piece) > -50.0).collect();
    let right = pieces.iter().filter(|piece| is_sound(piece, hz).is_ok()).count();
    if right >= 5 && right * 10 >= pieces.len() * 8 {
        return Ok(());
    }
    is_sound(samples, hz)
        .map_err(|what| format!("{right} tenths of a second of {} are right; {what}", pieces.len()))?;
    Err(format!("only {right} tenths of a second are heard"))
}

/// These tones, one after another, and hardly anything else: who spoke when.
fn in_turn(samples: &[i16], wanted: &[f64]) -> Played {
    let pieces: Vec<&[i16]> = samples.chunks_exact(800).filter(|piece| audio::rms_dbfs(piece) > -50.0).collect();
    let which = |piece: &&[i16]| wanted.iter().copied().find(|hz| goertzel::share(piece, *hz) > 0.8);
    let known: Vec<f64> = pieces.iter().filter_map(which).collect();
    let turns: Vec<f64> =
        known.chunk_by(|one, other| one == other).filter(|turn| turn.len() >= 3).map(|turn| turn[0]).collect();
    let turns: Vec<f64> = turns.chunk_by(|one, other| one == other).map(|turn| turn[0]).collect();
    if turns == wanted && known.len() * 10 >= pieces.len() * 8 {
        return Ok(());
    }
    let (known, all) = (known.len(), pieces.len());
    Err(format!("{turns:?} Hz are heard in turn, not {wanted:?}; {known} tenths of a second of {all} are one of them"))
}

fn loudest(samples: &[i16]) -> String {
    let share = |hz: &f64| goertzel::share(samples, *hz);
    let all = (4..=38).map(|hundreds| f64::from(hundreds * 100)).chain(super::VOICES_HZ).chain([425.0, 1004.0]);
    let best = all.max_by(|one, other| share(one).total_cmp(&share(other))).unwrap_or(0.0);
    format!("mostly {best:.0} Hz ({:.0} %)", 100.0 * share(&best))
}

pub fn read_wav(path: &std::path::Path) -> Played<[Vec<i16>; 2]> {
    let fault = |why: hound::Error| format!("{}: {why}", path.display());
    let mut reader = hound::WavReader::open(path).map_err(fault)?;
    if reader.spec().channels != 2 {
        return Err("the recording is not stereo".to_owned());
    }
    let both: Vec<i16> = reader.samples().collect::<Result<_, _>>().map_err(fault)?;
    let wide = (reader.spec().sample_rate / audio::SAMPLE_RATE).max(1) as usize;
    let mean = |samples: &[i16]| (samples.iter().map(|sample| i64::from(*sample)).sum::<i64>() / wide as i64) as i16;
    let side = |first: usize| -> Vec<i16> { both.iter().skip(first).step_by(2).copied().collect() };
    Ok([0, 1].map(|first| side(first).chunks_exact(wide).map(mean).collect()))
}

/// `5s` allows half a second, a number counts a list, a list is joined by commas, `-` is nothing, `_` a blank.
fn fits(value: &Value, wanted: &str) -> bool {
    if let (Some(number), Some(secs)) =
        (value.as_f64(), wanted.strip_suffix('s').and_then(|secs| secs.parse::<f64>().ok()))
    {
        return (number - secs).abs() <= 0.5;
    }
    if let (Value::Array(list), Ok(count)) = (value, wanted.parse::<usize>()) {
        return list.len() == count;
    }
    shown(value) == wanted.replace('_', " ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
