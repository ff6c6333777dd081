//! What the programs must know, already checked: every name here leads somewhere.

use std::collections::HashMap;
use std::time::Duration;

use audio::Sound;
use route::Destination;

/// The programs' settings.
#[derive(Clone, Debug)]
pub struct FlowConf {
    /// People by account.
    pub people: HashMap<String, PersonConf>,
    /// Ring groups by name.
    pub groups: HashMap<String, GroupConf>,
    /// Menus by name.
    pub menus: HashMap<String, MenuConf>,
    /// Prompts by name.
    pub prompts: HashMap<String, Sound>,
    /// The test tone, a second of it or so.
    pub tone: Sound,
    /// How long a trunk may ring.
    pub trunk_ring: Duration,
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
