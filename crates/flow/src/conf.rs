//! What the programs must know, already checked: every name here leads somewhere.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use acd::{AgentName, QueueName};
use audio::Sound;
use route::Destination;

/// The programs' settings.
#[derive(Clone, Debug)]
pub struct FlowConf {
    /// People by account.
    pub people: HashMap<String, PersonConf>,
    /// Ring groups by name.
    pub groups: HashMap<String, GroupConf>,
    /// Queues by name.
    pub queues: HashMap<String, QueueConf>,
    /// Who may log in: those who serve a queue.
    pub agents: HashSet<AgentName>,
    /// What an agent hears who is ready from now, and one who is not.
    pub ready_melody: Sound,
    /// See there.
    pub away_melody: Sound,
    /// Menus by name.
    pub menus: HashMap<String, MenuConf>,
    /// Prompts by name.
    pub prompts: HashMap<String, Sound>,
    /// The test tone, a second of it or so.
    pub tone: Sound,
    /// How long a trunk may ring.
    pub trunk_ring: Duration,
}

/// Nobody and nothing; its sounds are silent.
impl Default for FlowConf {
    fn default() -> FlowConf {
        let silence = Sound::from_pcm(audio::silence(20));
        FlowConf {
            people: HashMap::new(),
            groups: HashMap::new(),
            queues: HashMap::new(),
            agents: HashSet::new(),
            ready_melody: silence.clone(),
            away_melody: silence.clone(),
            menus: HashMap::new(),
            prompts: HashMap::new(),
            tone: silence,
            trunk_ring: Duration::from_secs(120),
        }
    }
}

/// How a person is rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonConf {
    /// How long.
    pub ring: Duration,
    /// Record what is talked with this person.
    pub record: bool,
}

/// A ring group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConf {
    /// Accounts; all ring at once.
    pub people: Vec<String>,
    /// How long.
    pub ring: Duration,
    /// Record what is talked.
    pub record: bool,
}

/// A queue, as its callers know it. Who serves it and how is `acd`'s.
#[derive(Clone, Debug)]
pub struct QueueConf {
    /// Its name.
    pub name: QueueName,
    /// What callers hear while they wait, again and again.
    pub hold: Sound,
    /// How urgent its callers are.
    pub priority: i32,
    /// The keys that lead out.
    pub keys: HashMap<char, Destination>,
    /// Where those go whom the queue cannot keep.
    pub overflow: OverflowConf,
    /// Record what is talked with agents.
    pub record: bool,
}

/// Where callers go whom a queue cannot keep; where nothing is said, they are told 480 or hung up on.
#[derive(Clone, Debug, Default)]
pub struct OverflowConf {
    /// Too many wait.
    pub full: Option<Destination>,
    /// Those who have to be there for callers to join are not.
    pub empty: Option<Destination>,
    /// Those who have to be there for callers to stay went away, or nobody has been logged in for too long.
    pub unstaffed: Option<Destination>,
    /// They waited as long as one may.
    pub timeout: Option<Destination>,
    /// The queue closed.
    pub closed: Option<Destination>,
}

/// A menu of one level.
#[derive(Clone, Debug)]
pub struct MenuConf {
    /// What the caller hears first.
    pub greeting: Sound,
    /// How long to wait for a key after the greeting.
    pub patience: Duration,
    /// How often to ask.
    pub tries: u32,
    /// Where each key leads.
    pub keys: HashMap<char, Destination>,
    /// Where it goes when all tries are used up.
    pub otherwise: Destination,
}
