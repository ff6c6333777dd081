//! What the programs must know, already checked: every name here leads somewhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use acd::{AgentName, QueueName, Skill};
use audio::{Music, Sound};
use route::{Destination, Pattern};
use serde::Deserialize;

use crate::{ConferenceConf, HookConf, LookUpConf, ParkConf, Phrase, RecordConf, Spellings, Spoken, VoicemailConf};

/// The programs' settings.
#[derive(Clone, Debug)]
pub struct FlowConf {
    /// People by account.
    pub people: HashMap<String, PersonConf>,
    /// Ring groups by name.
    pub groups: HashMap<String, GroupConf>,
    /// Rooms in which many talk, by name.
    pub conferences: HashMap<String, Arc<ConferenceConf>>,
    /// Queues by name.
    pub queues: HashMap<String, QueueConf>,
    /// Who may log in: those who serve a queue.
    pub agents: HashSet<AgentName>,
    /// What an agent hears who is ready from now, and one who is not.
    pub ready_melody: Sound,
    /// See there.
    pub away_melody: Sound,
    /// Menus and the other steps of a caller's way, by name.
    pub menus: HashMap<String, StepConf>,
    /// People by the numbers a caller may dial in a menu.
    pub extensions: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// People by the keys that spell their names.
    pub spellings: Arc<Spellings>,
    /// Prompts by name.
    pub prompts: HashMap<String, Spoken>,
    /// The test tone, a second of it or so.
    pub tone: Sound,
    /// The reasons of pauses, by the code that agents dial for them.
    pub pauses: BTreeMap<String, String>,
    /// What calls may come to, by code.
    pub dispositions: BTreeMap<String, String>,
    /// How long a trunk may ring.
    pub trunk_ring: Duration,
    /// How callers are parked.
    pub park: ParkConf,
    /// What is recorded.
    pub record: RecordConf,
    /// What callers and owners of mailboxes meet.
    pub voicemail: Arc<VoicemailConf>,
}

/// Nobody and nothing; its sounds are silent.
impl Default for FlowConf {
    fn default() -> FlowConf {
        let silence = Sound::from_pcm(audio::silence(20));
        FlowConf {
            people: HashMap::new(),
            groups: HashMap::new(),
            conferences: HashMap::new(),
            queues: HashMap::new(),
            agents: HashSet::new(),
            ready_melody: silence.clone(),
            away_melody: silence.clone(),
            menus: HashMap::new(),
            extensions: Arc::default(),
            spellings: Arc::default(),
            prompts: HashMap::new(),
            tone: silence,
            pauses: BTreeMap::new(),
            dispositions: BTreeMap::new(),
            trunk_ring: Duration::from_secs(120),
            park: ParkConf {
                music: audio::music().into(),
                come_back: Duration::from_secs(120),
                ring: Duration::from_secs(30),
                otherwise: Destination::Reject(480),
            },
            record: RecordConf::default(),
            voicemail: Arc::default(),
        }
    }
}

/// How a person is rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonConf {
    /// How long.
    pub ring: Duration,
    /// Where calls go instead, if anywhere; most people have none.
    pub forward: Option<Arc<ForwardConf>>,
}

/// Where the calls of a person or a group go instead; where nothing is said, the caller is told why nobody came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardConf {
    /// All of them, and nobody is rung.
    pub always: Option<Destination>,
    /// When all are busy, or decline.
    pub busy: Option<Destination>,
    /// When nobody picks up.
    pub no_answer: Option<Destination>,
    /// When there is no phone to ring.
    pub unreachable: Option<Destination>,
}

impl ForwardConf {
    /// Where a call goes that came to nothing with this SIP status, after a phone `rang` or none did.
    pub(crate) fn after(&self, status: u16, rang: bool) -> Option<&Destination> {
        match (status, rang) {
            (486 | 600 | 603, _) => self.busy.as_ref(),
            (_, true) => self.no_answer.as_ref(),
            (_, false) => self.unreachable.as_ref(),
        }
    }
}

/// In which order the phones of a group ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RingOrder {
    /// All at once.
    #[default]
    All,
    /// One after the other, as they are written.
    InTurn,
    /// One after the other, for each call in another order.
    Random,
}

/// A ring group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConf {
    /// Accounts.
    pub people: Vec<String>,
    /// In which order they ring.
    pub order: RingOrder,
    /// How long: all together, or each of them.
    pub ring: Duration,
    /// Where calls go instead.
    pub forward: ForwardConf,
}

/// A queue, as its callers know it. Who serves it and how is `acd`'s.
#[derive(Clone, Debug)]
pub struct QueueConf {
    /// Its name.
    pub name: QueueName,
    /// Who may come to it.
    pub agents: Arc<HashSet<AgentName>>,
    /// What callers hear while they wait,
    pub music: Music,
    /// and what they are told in between; `position` is their place in the line.
    pub announce: Option<Phrase>,
    /// What they are told instead where it is known how long they will wait; `wait` is so many minutes, rounded up.
    pub announce_wait: Option<Phrase>,
    /// How long they hear music until they are told something.
    pub announce_every: Duration,
    /// What an agent hears before he is connected; `wait` is how long his caller has waited, in minutes, rounded up.
    pub whisper: Option<Phrase>,
    /// The key he takes the call with,
    pub accept: Option<char>,
    /// what he hears where he hears nothing else,
    pub accept_tone: Sound,
    /// and how long he may think.
    pub accept_patience: Duration,
    /// The hours in which callers are let in, and whether those who wait when they end must go.
    pub hours: Option<(String, bool)>,
    /// Whether callers may be called back, and how.
    pub call_back: Option<Arc<CallBackConf>>,
    /// How urgent its callers are.
    pub priority: i32,
    /// What is known of a caller that names the agent he is to have.
    pub prefer: Option<String>,
    /// What is known of a caller that names a skill his agent must have, and at which level.
    pub skill_fields: BTreeMap<String, u8>,
    /// The best at each skill of those who serve the queue: what nobody can is not waited for.
    pub skills: HashMap<Skill, u8>,
    /// The keys that lead out.
    pub keys: HashMap<char, Destination>,
    /// Where callers go whose agent has hung up: to be asked how it was.
    pub survey: Option<Destination>,
    /// Where those go whom the queue cannot keep.
    pub overflow: OverflowConf,
}

/// Callers may give up their waiting and keep their place.
#[derive(Clone, Debug)]
pub struct CallBackConf {
    /// The key by which they ask.
    pub key: char,
    /// What they are asked then; `number` is the number that would be called. 1 is yes.
    pub confirm: Phrase,
    /// Whether it may be another number, which they give by keys.
    pub other: Option<OtherNumberConf>,
    /// What they are told of it,
    pub offer: Option<Phrase>,
    /// having waited so long.
    pub offer_after: Duration,
    /// Where they go once it is agreed; they are hung up on, where nothing is said.
    pub then: Option<Destination>,
    /// The trunk they are called by; the one they came by, where nothing is said.
    pub trunk: Option<String>,
    /// Only while these hours are open.
    pub hours: Option<String>,
    /// Whom to call first.
    pub first: acd::First,
    /// How long their phones ring.
    pub dial: Duration,
    /// After so long it is tried again,
    pub retry: Duration,
    /// so often in all.
    pub tries: u32,
    /// For how long all that stands.
    pub stands: Duration,
}

/// A number that callers give by keys.
#[derive(Clone, Debug)]
pub struct OtherNumberConf {
    /// How they are asked for it.
    pub ask: Phrase,
    /// Which may be called.
    pub numbers: Vec<route::Pattern>,
}

/// Where callers go whom a queue cannot keep; where nothing is said, they are told 480 or hung up on.
#[derive(Clone, Debug, Default)]
pub struct OverflowConf {
    /// Too many wait.
    pub full: Option<Destination>,
    /// They would have to wait for too long.
    pub long_wait: Option<Destination>,
    /// Those who have to be there for callers to join are not.
    pub empty: Option<Destination>,
    /// Those who have to be there for callers to stay went away, or nobody has been logged in for too long.
    pub unstaffed: Option<Destination>,
    /// They waited as long as one may.
    pub timeout: Option<Destination>,
    /// The queue closed.
    pub closed: Option<Destination>,
}

/// A step of a caller's way through the menus.
#[derive(Clone, Debug)]
pub enum StepConf {
    /// A key, or an extension, chooses the way.
    Menu(Arc<MenuConf>),
    /// Keys are collected into a field.
    Collect(Arc<CollectConf>),
    /// Something is said.
    Say(Arc<SayConf>),
    /// Something is known of the caller from now.
    Set(Arc<SetConf>),
    /// What is known of the caller chooses the way.
    Choose(Arc<ChooseConf>),
    /// A web server is asked what it knows.
    LookUp(Arc<LookUpConf>),
    /// A web server leads the caller.
    Hook(Arc<HookConf>),
}

impl StepConf {
    /// Is nothing of it kept?
    pub fn is_masked(&self) -> bool {
        match self {
            StepConf::Menu(menu) => menu.question.mask,
            StepConf::Collect(collect) => collect.question.mask,
            StepConf::Say(_) | StepConf::Set(_) | StepConf::Choose(_) => false,
            StepConf::LookUp(_) | StepConf::Hook(_) => false,
        }
    }
}

/// How a caller is asked for keys.
#[derive(Clone, Debug)]
pub struct QuestionConf {
    /// What the caller hears first.
    pub prompt: Phrase,
    /// A key cuts that short; else it is heard to its end, and keys pressed meanwhile do not count.
    pub barge_in: bool,
    /// What a caller hears who answered wrongly, before he is asked again.
    pub wrong: Option<Phrase>,
    /// What a caller hears who pressed nothing.
    pub silent: Option<Phrase>,
    /// How long to wait for the first key after the question.
    pub patience: Duration,
    /// How long to wait for the next one.
    pub key_gap: Duration,
    /// How often to ask.
    pub tries: u32,
    /// Nothing the caller says or presses meanwhile is kept: no sound in the recording, no key in a record.
    pub mask: bool,
}

impl QuestionConf {
    /// This question, asked three times with five seconds for an answer.
    pub fn new(prompt: Phrase) -> QuestionConf {
        QuestionConf {
            prompt,
            barge_in: true,
            wrong: None,
            silent: None,
            patience: Duration::from_secs(5),
            key_gap: Duration::from_secs(2),
            tries: 3,
            mask: false,
        }
    }
}

/// A menu.
#[derive(Clone, Debug)]
pub struct MenuConf {
    /// What is asked, and how.
    pub question: QuestionConf,
    /// Where each key leads.
    pub keys: HashMap<char, Destination>,
    /// People's numbers lead to them, too.
    pub extensions: bool,
    /// Their names do, spelled with keys.
    pub names: bool,
    /// Where it goes when all tries are used up,
    pub otherwise: Destination,
    /// and where, if the caller pressed nothing at the last.
    pub silent: Destination,
}

/// Digits to be collected.
#[derive(Clone, Debug)]
pub struct CollectConf {
    /// What is asked, and how.
    pub question: QuestionConf,
    /// The field they go into.
    pub into: String,
    /// So many at least,
    pub min: usize,
    /// and at most.
    pub max: usize,
    /// The key that says that it was all.
    pub end: Option<char>,
    /// What may be typed; anything, where it is empty.
    pub allowed: Vec<Pattern>,
    /// Where it goes on,
    pub then: Destination,
    /// and where, when all tries are used up.
    pub otherwise: Destination,
}

/// Something to be said.
#[derive(Clone, Debug)]
pub struct SayConf {
    /// What.
    pub phrase: Phrase,
    /// A key cuts it short.
    pub barge_in: bool,
    /// Where it goes on; the call ends where it is nowhere.
    pub then: Option<Destination>,
}

/// Something that is known of the caller from now.
#[derive(Clone, Debug)]
pub struct SetConf {
    /// By name.
    pub fields: BTreeMap<String, String>,
    /// Where it goes on.
    pub then: Destination,
}

/// What is known of the caller chooses the way.
#[derive(Clone, Debug)]
pub struct ChooseConf {
    /// The field; `caller` is the number shown.
    pub field: String,
    /// Where it goes by the field's value: the first that fits.
    pub cases: Vec<(Pattern, Destination)>,
    /// Where it goes if none does.
    pub otherwise: Destination,
}
