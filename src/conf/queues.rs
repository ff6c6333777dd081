//! `conf/queues.toml`: the queues, who serves them, and what each agent can do.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use acd::{AgentName, AlertConf, Member, Needs, Relax, Skilled, Staffing, Sticky, Strategy, Widening};
use flow::OverflowConf;
use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::{Entry, File};
use super::music::MusicSaid;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueTable {
    #[serde(default)]
    agents: Vec<Spanned<String>>,
    #[serde(default)]
    backup: Vec<Vec<Spanned<String>>>,
    widen_secs: Option<u64>,
    #[serde(default)]
    weights: BTreeMap<Spanned<String>, u16>,
    strategy: Option<Spanned<String>>,
    #[serde(default = "fifteen")]
    ring_secs: u64,
    #[serde(default)]
    wrap_up_secs: u64,
    #[serde(default)]
    weight: u8,
    #[serde(default)]
    priority: i32,
    #[serde(default = "sixty")]
    priority_secs: u64,
    #[serde(default)]
    skills: BTreeMap<Spanned<String>, u8>,
    relax_secs: Option<u64>,
    #[serde(default)]
    relax_floor: u8,
    #[serde(default = "hundred")]
    callers_max: usize,
    estimate_secs_max: Option<u64>,
    #[serde(default = "hour")]
    wait_secs_max: u64,
    unstaffed_secs_max: Option<u64>,
    join_needs: Option<Spanned<String>>,
    stay_needs: Option<Spanned<String>>,
    #[serde(default = "one")]
    misses_max: u32,
    #[serde(default = "five")]
    rest_secs: u64,
    #[serde(default = "five")]
    short_abandon_secs: u64,
    #[serde(default)]
    skill_fields: BTreeMap<String, u8>,
    prefer: Option<String>,
    #[serde(default = "thirty")]
    prefer_secs: u64,
    sticky_secs: Option<u64>,
    #[serde(default = "day")]
    sticky_hours: u64,
    music: Option<Spanned<MusicSaid>>,
    announce: Option<Spanned<String>>,
    announce_wait: Option<Spanned<String>>,
    #[serde(default = "sixty")]
    announce_secs: u64,
    whisper: Option<Spanned<String>>,
    accept: Option<Spanned<String>>,
    #[serde(default = "ten")]
    accept_secs: u64,
    #[serde(default)]
    record: bool,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<String>>,
    survey: Option<Spanned<String>>,
    #[serde(default)]
    overflow: OverflowTable,
    hours: Option<Spanned<String>>,
    #[serde(default)]
    at_closing: AtClosing,
    #[serde(default = "fifty")]
    ring_max: usize,
    call_back: Option<Spanned<CallBackTable>>,
    #[serde(default)]
    alerts: AlertTable,
}

/// What becomes of those who wait when the hours end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AtClosing {
    /// They are still served.
    #[default]
    Stay,
    /// They go the way of `closed`.
    Leave,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AlertTable {
    waiting: Option<usize>,
    longest_wait_secs: Option<u64>,
    agents_min: Option<usize>,
    service_level: Option<u8>,
    answer_secs: u64,
}

impl Default for AlertTable {
    fn default() -> AlertTable {
        let (waiting, longest_wait_secs, agents_min, service_level) = (None, None, None, None);
        AlertTable { waiting, longest_wait_secs, agents_min, service_level, answer_secs: 20 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallBackTable {
    pub(super) key: Spanned<String>,
    pub(super) confirm: Spanned<String>,
    pub(super) other: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) other_numbers: Vec<Spanned<String>>,
    pub(super) offer: Option<Spanned<String>>,
    #[serde(default = "sixty")]
    pub(super) offer_secs: u64,
    pub(super) then: Option<Spanned<String>>,
    pub(super) trunk: Option<Spanned<String>>,
    pub(super) hours: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) first: acd::First,
    #[serde(default = "thirty")]
    pub(super) dial_secs: u64,
    #[serde(default = "three_hundred")]
    pub(super) retry_secs: u64,
    #[serde(default = "three")]
    pub(super) tries: u32,
    #[serde(default = "day")]
    pub(super) stands_hours: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OverflowTable {
    full: Option<Spanned<String>>,
    long_wait: Option<Spanned<String>>,
    empty: Option<Spanned<String>>,
    unstaffed: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    closed: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AgentTable {
    skills: BTreeMap<Spanned<String>, u8>,
}

fn one() -> u32 {
    1
}

fn five() -> u64 {
    5
}

fn fifty() -> usize {
    50
}

fn three() -> u32 {
    3
}

fn thirty() -> u64 {
    30
}

fn three_hundred() -> u64 {
    300
}

fn ten() -> u64 {
    10
}

fn fifteen() -> u64 {
    15
}

fn sixty() -> u64 {
    60
}

fn hundred() -> usize {
    100
}

fn hour() -> u64 {
    3600
}

fn day() -> u64 {
    24
}

/// A queue whose names are not yet known to lead anywhere.
pub(super) struct Queue {
    pub(super) acd: acd::QueueConf,
    pub(super) priority: i32,
    pub(super) prefer: Option<String>,
    pub(super) skill_fields: BTreeMap<String, u8>,
    pub(super) music: Option<Spanned<MusicSaid>>,
    pub(super) announce: Option<Spanned<String>>,
    pub(super) announce_wait: Option<Spanned<String>>,
    pub(super) announce_every: Duration,
    pub(super) whisper: Option<Spanned<String>>,
    pub(super) accept: Option<char>,
    pub(super) accept_patience: Duration,
    pub(super) record: bool,
    pub(super) keys: HashMap<char, Destination>,
    pub(super) survey: Option<Destination>,
    pub(super) overflow: OverflowConf,
    pub(super) call_back: Option<CallBackTable>,
    pub(super) hours: Option<Spanned<String>>,
    pub(super) leaves_at_closing: bool,
}

/// What was read, with the places of the names that must lead somewhere.
#[derive(Default)]
pub(super) struct Read {
    pub(super) queues: Vec<Queue>,
    /// Agents with a table of their own.
    pub(super) skills: HashMap<AgentName, Vec<Skilled>>,
    pub(super) people: Vec<(String, Range<usize>)>,
    /// Reasons by code.
    pub(super) pauses: BTreeMap<String, String>,
    /// What calls may come to, by code.
    pub(super) dispositions: BTreeMap<String, String>,
    pub(super) destinations: Vec<(Destination, Range<usize>)>,
}

pub(super) fn read(file: &mut File<'_>) -> Read {
    let mut read = Read::default();
    for entry in file.entries() {
        match entry.name.as_str() {
            "queue" => entry.children().into_iter().for_each(|queue| queue_entry(file, queue, &mut read)),
            "agent" => entry.children().into_iter().for_each(|agent| agent_entry(file, agent, &mut read)),
            "pauses" => read.pauses = codes(file, entry),
            "dispositions" => read.dispositions = codes(file, entry),
            other => {
                let what =
                    format!("{other:?} is unknown here; write [queue.NAME], [agent.NAME], [pauses] or [dispositions]");
                file.problem(entry.span, what);
            }
        }
    }
    read
}

/// What codes stand for, each as it is dialled.
fn codes<'a>(file: &mut File<'a>, entry: Entry<'a>) -> BTreeMap<String, String> {
    let said: BTreeMap<Spanned<String>, Spanned<String>> = file.entry(entry).unwrap_or_default();
    let mut codes = BTreeMap::new();
    for (code, means) in said {
        if !(1..=8).contains(&code.get_ref().len()) || !code.get_ref().bytes().all(|digit| digit.is_ascii_digit()) {
            file.problem(code.span(), format!("{:?} is no code; write one to eight digits", code.get_ref()));
        }
        if !(1..=40).contains(&means.get_ref().trim().chars().count()) {
            file.problem(means.span(), "says nothing, or too much; write up to 40 letters".to_owned());
        }
        codes.insert(code.into_inner(), means.into_inner());
    }
    codes
}

fn agent_entry<'a>(file: &mut File<'a>, entry: Entry<'a>, read: &mut Read) {
    let (name, span) = (entry.name.clone(), entry.span.clone());
    let Some(said) = file.entry::<AgentTable>(entry) else { return };
    read.people.push((name.clone(), span));
    let skills = skills(file, said.skills);
    if let Ok(agent) = name.parse() {
        read.skills.insert(agent, skills);
    }
}

fn queue_entry<'a>(file: &mut File<'a>, entry: Entry<'a>, read: &mut Read) {
    let (named, text, span) = (file.check_name(&entry), entry.name.clone(), entry.span.clone());
    let Some(said) = file.entry::<QueueTable>(entry) else { return };
    let Some(name) = text.parse().ok().filter(|_| named) else { return };
    let tiers: Vec<Vec<Spanned<String>>> = [said.agents].into_iter().chain(said.backup).collect();
    if tiers.len() > TIERS_MAX || tiers.iter().flatten().count() > AGENTS_MAX {
        file.problem(
            span.clone(),
            format!("queue {text} may have {TIERS_MAX} tiers of agents and {AGENTS_MAX} agents in all"),
        );
    }
    let mut members: Vec<Member> = Vec::new();
    for (tier, agents) in (0..).zip(&tiers) {
        for agent in agents {
            read.people.push((agent.get_ref().clone(), agent.span()));
            let Ok(name) = agent.get_ref().parse::<AgentName>() else { continue };
            if members.iter().any(|member| member.agent == name) {
                file.problem(agent.span(), format!("{name} serves queue {text} already; take one of the two out"));
                continue;
            }
            members.push(Member { agent: name, tier, weight: 1 });
        }
    }
    for (agent, weight) in &said.weights {
        match members.iter_mut().find(|member| member.agent.as_str() == agent.get_ref()) {
            Some(member) => member.weight = (*weight).max(1),
            None => file.problem(
                agent.span(),
                format!("{:?} does not serve queue {text}; name an agent of it", agent.get_ref()),
            ),
        }
    }
    let widen = said.widen_secs.map_or(Vec::new(), |step| {
        (0..tiers.len() as u8).map(|tier| Widening { after: secs(step) * tier.into(), tier }).collect()
    });
    let relax = said.relax_secs.map(|every| Relax { every: secs(every.max(1)), floor: said.relax_floor });
    let needs = Needs { widen, skills: skills(file, said.skills), relax };
    let strategy = said.strategy.and_then(|word| one_of(file, &word, &STRATEGIES)).unwrap_or(Strategy::LongestIdle);
    let mut staffing = |word: Option<Spanned<String>>| word.and_then(|word| one_of(file, &word, &STAFFINGS));
    let (join_needs, stay_needs) = (staffing(said.join_needs), staffing(said.stay_needs));
    let mut keys = HashMap::new();
    for (key, to) in &said.keys {
        if let Some(key) = one_key(file, key) {
            keys.extend(destination(file, to, read).map(|to| (key, to)));
        }
    }
    let accept = said.accept.as_ref().and_then(|key| one_key(file, key));
    let mut way = |to: Option<Spanned<String>>| to.and_then(|to| destination(file, &to, read));
    let survey = way(said.survey);
    let ways = said.overflow;
    let overflow = OverflowConf {
        full: way(ways.full),
        long_wait: way(ways.long_wait),
        empty: way(ways.empty),
        unstaffed: way(ways.unstaffed),
        timeout: way(ways.timeout),
        closed: way(ways.closed),
    };
    let acd = acd::QueueConf {
        members,
        strategy,
        ring_max: said.ring_max.max(1),
        ring: secs(said.ring_secs.clamp(1, 600)),
        wrap_up: secs(said.wrap_up_secs),
        weight: said.weight,
        priority_worth: secs(said.priority_secs),
        needs,
        callers_max: said.callers_max,
        estimate_max: said.estimate_secs_max.map(secs),
        wait_max: Some(secs(said.wait_secs_max)),
        unstaffed_max: said.unstaffed_secs_max.map(secs),
        join_needs: join_needs.unwrap_or(Staffing::Nobody),
        stay_needs: stay_needs.unwrap_or(Staffing::Nobody),
        misses_max: said.misses_max,
        rest: secs(said.rest_secs),
        short_abandon: secs(said.short_abandon_secs),
        prefer: said.prefer.is_some().then(|| secs(said.prefer_secs)),
        sticky: said.sticky_secs.map(|wait| Sticky { remember: secs(said.sticky_hours * 3600), wait: secs(wait) }),
        alerts: AlertConf {
            waiting: said.alerts.waiting,
            longest_wait: said.alerts.longest_wait_secs.map(secs),
            agents_min: said.alerts.agents_min,
            service_level: said.alerts.service_level,
            answer_within: secs(said.alerts.answer_secs),
        },
        ..acd::QueueConf::new(name)
    };
    let announce_every = secs(said.announce_secs.clamp(5, 600));
    let (priority, music, record) = (said.priority, said.music, said.record);
    let (announce, announce_wait) = (said.announce, said.announce_wait);
    let (whisper, accept_patience) = (said.whisper, secs(said.accept_secs.clamp(1, 60)));
    read.queues.push(Queue {
        acd,
        priority,
        prefer: said.prefer,
        skill_fields: said.skill_fields,
        music,
        announce,
        announce_wait,
        announce_every,
        whisper,
        accept,
        accept_patience,
        record,
        keys,
        survey,
        overflow,
        call_back: said.call_back.map(Spanned::into_inner),
        hours: said.hours,
        leaves_at_closing: said.at_closing == AtClosing::Leave,
    });
}

const TIERS_MAX: usize = 20;
const AGENTS_MAX: usize = 10_000;

const STRATEGIES: [(&str, Strategy); 8] = [
    ("ring-all", Strategy::RingAll),
    ("longest-idle", Strategy::LongestIdle),
    ("fewest-calls", Strategy::FewestCalls),
    ("least-talk-time", Strategy::LeastTalkTime),
    ("round-robin", Strategy::RoundRobin),
    ("linear", Strategy::Linear),
    ("random", Strategy::Random),
    ("weighted", Strategy::Weighted),
];

const STAFFINGS: [(&str, Staffing); 4] = [
    ("nobody", Staffing::Nobody),
    ("logged-in", Staffing::LoggedIn),
    ("at-work", Staffing::AtWork),
    ("free", Staffing::Free),
];

pub(super) fn one_key(file: &mut File<'_>, key: &Spanned<String>) -> Option<char> {
    match key.get_ref().as_bytes() {
        [letter @ (b'0'..=b'9' | b'*' | b'#')] => Some(char::from(*letter)),
        _ => {
            file.problem(key.span(), format!("{:?} is no key; write one of 0-9, \"*\", \"#\"", key.get_ref()));
            None
        }
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs.min(31 * 24 * 3600))
}

fn one_of<T: Copy>(file: &mut File<'_>, word: &Spanned<String>, all: &[(&str, T)]) -> Option<T> {
    let found = all.iter().find(|(name, _)| name == word.get_ref()).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        file.problem(word.span(), format!("{:?} is unknown here; write one of {}", word.get_ref(), names.join(", ")));
    }
    found
}

fn skills(file: &mut File<'_>, said: BTreeMap<Spanned<String>, u8>) -> Vec<Skilled> {
    let skilled = |(skill, level): (Spanned<String>, u8)| Some(Skilled { skill: file.parse(&skill)?, level });
    said.into_iter().filter_map(skilled).collect()
}

fn destination(file: &mut File<'_>, to: &Spanned<String>, read: &mut Read) -> Option<Destination> {
    let destination: Destination = file.parse(to)?;
    read.destinations.push((destination.clone(), to.span()));
    Some(destination)
}
