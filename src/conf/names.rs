//! The names of the conf that lead somewhere, and the prompts that are said.
//!
//! Where it stands: the readers of the files ask here whether what they read is there; what is not is a problem of theirs.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use acd::{AgentName, Skill, Skilled};
use audio::{Music, Sound};
use flow::{CallBackConf, OtherNumberConf, Phrase, Piece, QueueConf, Spoken};
use route::{Destination, Hours};
use toml::Spanned;

use super::file::File;
use super::music::{MusicSaid, MusicTable};
use super::prompts::Reader;
use super::{Person, Trunk, queues};

/// The names that lead somewhere.
pub(super) struct Names<'a> {
    pub(super) people: &'a HashMap<Arc<str>, Person>,
    pub(super) trunks: &'a HashMap<String, Trunk>,
    pub(super) trunk_groups: &'a [trunk::GroupConf],
    pub(super) groups: Vec<&'a String>,
    pub(super) menus: Vec<String>,
    pub(super) queues: Vec<&'a str>,
    pub(super) conferences: Vec<String>,
    /// There are codes for pauses,
    pub(super) pauses: bool,
    /// and for what calls come to.
    pub(super) dispositions: bool,
    /// What agents can do, by custom from 1 to 10.
    pub(super) skills: &'a HashMap<AgentName, Vec<Skilled>>,
    pub(super) hours: &'a BTreeMap<String, Hours>,
    pub(super) prompts: HashMap<String, Spoken>,
    pub(super) reader: Reader<'a>,
}

impl Names<'_> {
    pub(super) fn check(&mut self, file: &mut File<'_>, destination: &Destination, span: &Range<usize>) {
        let missing = match destination {
            Destination::Person(name) | Destination::Voicemail(name) if !self.people.contains_key(name.as_str()) => {
                format!("there is no person {name:?}; add [{name}] to people.toml")
            }
            Destination::Group(name) if !self.groups.contains(&name) => {
                format!("there is no group {name:?}; add [group.{name}] to routes.toml")
            }
            Destination::Page(name) if !self.groups.contains(&name) => {
                format!("there is no group {name:?} to speak to; add [group.{name}] to routes.toml")
            }
            Destination::Conference(name) if !self.conferences.contains(name) => {
                format!("there is no conference {name:?}; add [room.{name}] to conferences.toml")
            }
            Destination::Menu(name) if !self.menus.contains(name) => {
                format!("there is no menu {name:?}; add [{name}] to menus.toml")
            }
            Destination::Queue(name)
            | Destination::Take(name)
            | Destination::Login(Some(name))
            | Destination::Logout(Some(name))
                if !self.queues.contains(&name.as_str()) =>
            {
                format!("there is no queue {name:?}; add [queue.{name}] to queues.toml")
            }
            Destination::Hours { hours, .. } if !self.hours.contains_key(hours) => {
                format!("there are no hours {hours:?}; add [hours.{hours}] to routes.toml")
            }
            Destination::Trunk(name) | Destination::Number { trunk: name, .. } if !self.leads_out(name) => {
                format!("there is no trunk {name:?}; add [{name}] to trunks.toml")
            }
            Destination::Pause(code) if code == "*" && !self.pauses => {
                "there are no codes of pauses; add [pauses] to queues.toml".to_owned()
            }
            Destination::Disposition if !self.dispositions => {
                "there are no codes of what calls come to; add [dispositions] to queues.toml".to_owned()
            }
            Destination::Play(name) => {
                self.prompt(file, name, span);
                return;
            }
            _ => return,
        };
        file.problem(span.clone(), missing);
    }

    pub(super) fn check_caller(&mut self, file: &mut File<'_>, caller: &route::From, span: &Range<usize>) {
        match caller {
            route::From::Person(name) => self.check(file, &Destination::Person(name.clone()), span),
            route::From::Trunk(name) if self.trunk_groups.iter().any(|group| group.name == *name) => {
                file.problem(
                    span.clone(),
                    format!("{name} is a group of trunks; calls come by one of its trunks: name that"),
                );
            }
            route::From::Trunk(name) => self.check(file, &Destination::Trunk(name.clone()), span),
        }
    }

    /// Is it a trunk, or a group of them?
    fn leads_out(&self, name: &str) -> bool {
        self.trunks.contains_key(name) || self.trunk_groups.iter().any(|group| group.name == name)
    }

    /// The best at each skill of those who serve a queue.
    fn best(&self, queue: &queues::Queue) -> HashMap<Skill, u8> {
        let mut best = HashMap::new();
        let members = queue.acd.members.iter().filter_map(|member| self.skills.get(&member.agent));
        for skilled in members.flatten() {
            let level = best.entry(skilled.skill.clone()).or_default();
            *level = skilled.level.max(*level);
        }
        best
    }

    /// What a queue's callers meet.
    pub(super) fn queue(&mut self, file: &mut File<'_>, queue: &queues::Queue, hold_music: &Music) -> QueueConf {
        let music = match &queue.music {
            Some(said) => self.music(file, said),
            None => hold_music.clone(),
        };
        let announce = queue.announce.as_ref().map(|text| self.phrase(file, text));
        let announce_wait = queue.announce_wait.as_ref().map(|text| self.phrase(file, text));
        let whisper = queue.whisper.as_ref().map(|text| self.phrase(file, text));
        if let Some(hours) = &queue.hours {
            let destination = Destination::Hours { hours: hours.get_ref().clone(), by_hand: None };
            self.check(file, &destination, &hours.span());
        }
        let call_back = queue.call_back.as_ref().and_then(|said| self.call_back(file, said, queue));
        QueueConf {
            name: queue.acd.name.clone(),
            agents: Arc::new(queue.acd.members.iter().map(|member| member.agent.clone()).collect()),
            music,
            announce,
            announce_wait,
            announce_every: queue.announce_every,
            whisper,
            accept: queue.accept,
            accept_tone: Sound::from_pcm(audio::melody(&[(660.0, 100), (880.0, 150), (0.0, 1750)], -20.0)),
            accept_patience: queue.accept_patience,
            hours: queue.hours.as_ref().map(|hours| (hours.get_ref().clone(), queue.leaves_at_closing)),
            call_back: call_back.map(Arc::new),
            priority: queue.priority,
            prefer: queue.prefer.clone(),
            skill_fields: queue.skill_fields.clone(),
            skills: self.best(queue),
            keys: queue.keys.clone(),
            survey: queue.survey.clone(),
            overflow: queue.overflow.clone(),
        }
    }

    /// How a queue's callers are called back.
    fn call_back(
        &mut self,
        file: &mut File<'_>,
        said: &queues::CallBackTable,
        queue: &queues::Queue,
    ) -> Option<CallBackConf> {
        let key = queues::one_key(file, &said.key)?;
        if queue.keys.contains_key(&key) {
            file.problem(said.key.span(), format!("{key} leads out of the queue already; choose another key"));
        }
        if let Some(trunk) = &said.trunk {
            self.check(file, &Destination::Trunk(trunk.get_ref().clone()), &trunk.span());
        }
        if let Some(hours) = &said.hours {
            let destination = Destination::Hours { hours: hours.get_ref().clone(), by_hand: None };
            self.check(file, &destination, &hours.span());
        }
        let secs = |secs: u64| std::time::Duration::from_secs(secs.clamp(1, 31 * 24 * 3600));
        let numbers: Vec<route::Pattern> = said.other_numbers.iter().filter_map(|text| file.parse(text)).collect();
        if let Some(other) = said.other.as_ref().filter(|_| numbers.is_empty()) {
            file.problem(
                other.span(),
                "no other number may be called; say in other_numbers which may, such as [\"09*\"]",
            );
        }
        let other = said.other.as_ref().map(|text| OtherNumberConf { ask: self.phrase(file, text), numbers });
        Some(CallBackConf {
            other,
            key,
            confirm: self.phrase(file, &said.confirm),
            offer: said.offer.as_ref().map(|offer| self.phrase(file, offer)),
            offer_after: secs(said.offer_secs),
            then: said.then.as_ref().and_then(|to| self.leads(file, to)),
            trunk: said.trunk.as_ref().map(|trunk| trunk.get_ref().clone()),
            hours: said.hours.as_ref().map(|hours| hours.get_ref().clone()),
            first: said.first,
            dial: secs(said.dial_secs.min(300)),
            retry: secs(said.retry_secs),
            tries: said.tries.max(1),
            stands: secs(said.stands_hours.saturating_mul(3600)),
        })
    }

    /// Where that leads; a problem, where it leads nowhere.
    pub(super) fn leads(&mut self, file: &mut File<'_>, text: &Spanned<String>) -> Option<Destination> {
        let destination = file.parse(text)?;
        self.check(file, &destination, &text.span());
        Some(destination)
    }

    /// What is said: names of prompts, and what is known of the caller: `digits:FIELD`, `minutes:FIELD`.
    pub(super) fn phrase(&mut self, file: &mut File<'_>, text: &Spanned<String>) -> Phrase {
        let span = text.span();
        let mut pieces = Vec::new();
        for word in text.get_ref().split_whitespace() {
            pieces.extend(self.piece(file, word, &span));
        }
        if text.get_ref().trim().is_empty() {
            file.problem(span, "nothing is said here; write the names of prompts");
        }
        Phrase::new(pieces)
    }

    /// A word of a phrase.
    pub(super) fn piece(&mut self, file: &mut File<'_>, word: &str, span: &Range<usize>) -> Option<Piece> {
        Some(match word.split_once(':') {
            Some(("digits", field)) if self.reader.has("digit-0") => {
                let digits = std::array::from_fn(|digit| self.prompt(file, &format!("digit-{digit}"), span));
                Piece::Digits { field: field.to_owned(), digits: Box::new(digits) }
            }
            Some((kind, field)) => match kind.parse().and_then(|kind| Ok((kind, self.reader.words(kind)?))) {
                Ok((kind, words)) => Piece::Value { field: field.to_owned(), kind, words },
                Err(what) => {
                    file.problem(span.clone(), what);
                    return None;
                }
            },
            None => Piece::Prompt(self.prompt(file, word, span)),
        })
    }

    /// A prompt as it is said to those whose language is not known.
    pub(super) fn sound(&mut self, file: &mut File<'_>, name: &Spanned<String>) -> Sound {
        self.prompt(file, name.get_ref(), &name.span()).usual
    }

    /// Music of prompts, or of all that is in a folder.
    pub(super) fn music(&mut self, file: &mut File<'_>, said: &Spanned<MusicSaid>) -> Music {
        let (said, span) = (MusicTable::from(said.get_ref().clone()), said.span());
        let mut pieces: Vec<Sound> = said.list.iter().map(|name| self.prompt(file, name, &span).usual).collect();
        if let Some(folder) = &said.folder {
            let found = self.reader.all_of(folder).unwrap_or_else(|what| {
                file.problem(span.clone(), what);
                vec![(String::new(), Sound::from_pcm(audio::silence(20)))]
            });
            for (name, sound) in found {
                pieces.push(sound.clone());
                self.prompts.insert(name, Spoken::only(sound));
            }
        }
        let seconds: f64 = pieces.iter().map(Sound::seconds).sum();
        if pieces.is_empty() {
            file.problem(span, "there is nothing to play here; write the names of prompts, or of a folder with some");
        } else if seconds > MUSIC_SECS_MAX {
            file.problem(span, format!("this music lasts {:.0} minutes; an hour is enough", seconds / 60.0));
        }
        Music::new(pieces, said.shuffled, said.goes_on)
    }

    /// The prompt of that name; silence, and a problem, where there is none.
    fn prompt(&mut self, file: &mut File<'_>, name: &str, span: &Range<usize>) -> Spoken {
        if let Some(prompt) = self.prompts.get(name) {
            return prompt.clone();
        }
        let prompt = self.reader.prompt(name).unwrap_or_else(|what| {
            file.problem(span.clone(), what);
            Spoken::only(Sound::from_pcm(audio::silence(20)))
        });
        self.prompts.insert(name.to_owned(), prompt.clone());
        prompt
    }
}

/// An hour takes 0.2 GB of memory, in all codecs.
const MUSIC_SECS_MAX: f64 = 3600.0;
