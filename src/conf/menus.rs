//! `conf/menus.toml`: what a caller hears, and where each key leads; and the other steps of his way: digits to be typed,
//! something to be said, something to be known of him from then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::{ChooseConf, CollectConf, MenuConf, Phrase, QuestionConf, SayConf, SetConf, StepConf};
use route::{Destination, Pattern};
use serde::Deserialize;
use toml::Spanned;

use super::file::{Entry, File};
use super::names::Names;
use super::web_steps::{self, HookTable, LookUpTable};

/// A step as it was read; its names are not yet known to lead anywhere.
pub(super) struct Step {
    pub(super) name: String,
    table: Table,
}

enum Table {
    Menu(MenuTable),
    Collect(CollectTable),
    Say(SayTable),
    Set(SetTable),
    Choose(ChooseTable),
    LookUp(LookUpTable),
    Hook(HookTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MenuTable {
    greeting: Spanned<String>,
    barge_in: Option<bool>,
    wrong: Option<Spanned<String>>,
    silence: Option<Spanned<String>>,
    patience_secs: Option<u16>,
    key_gap_secs: Option<u16>,
    tries: Option<u32>,
    #[serde(default)]
    mask: bool,
    #[serde(default)]
    extensions: bool,
    #[serde(default)]
    names: bool,
    otherwise: Option<Spanned<String>>,
    otherwise_silent: Option<Spanned<String>>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectTable {
    collect: Spanned<String>,
    ask: Spanned<String>,
    barge_in: Option<bool>,
    wrong: Option<Spanned<String>>,
    silence: Option<Spanned<String>>,
    patience_secs: Option<u16>,
    key_gap_secs: Option<u16>,
    tries: Option<u32>,
    #[serde(default)]
    mask: bool,
    #[serde(default = "one")]
    min: usize,
    max: Option<usize>,
    end: Option<Spanned<String>>,
    #[serde(default)]
    allowed: Vec<Spanned<String>>,
    then: Spanned<String>,
    otherwise: Option<Spanned<String>>,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SayTable {
    say: Spanned<String>,
    #[serde(default)]
    barge_in: bool,
    then: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetTable {
    set: BTreeMap<Spanned<String>, String>,
    then: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChooseTable {
    choose: Spanned<String>,
    cases: BTreeMap<Spanned<String>, Spanned<String>>,
    otherwise: Spanned<String>,
}

/// More digits are never collected.
const DIGITS_MAX: usize = 64;

pub(super) fn read(file: &mut File<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for entry in file.entries() {
        let (named, name) = (file.check_name(&entry), entry.name.clone());
        if let Some(table) = table(file, entry).filter(|_| named) {
            steps.push(Step { name, table });
        }
    }
    steps
}

/// What a step is, its first word says.
fn table<'a>(file: &mut File<'a>, entry: Entry<'a>) -> Option<Table> {
    Some(match entry.has(&["collect", "say", "set", "choose", "look_up", "hook"]) {
        Some("collect") => Table::Collect(file.entry(entry)?),
        Some("say") => Table::Say(file.entry(entry)?),
        Some("set") => Table::Set(file.entry(entry)?),
        Some("choose") => Table::Choose(file.entry(entry)?),
        Some("look_up") => Table::LookUp(file.entry(entry)?),
        Some("hook") => Table::Hook(file.entry(entry)?),
        _ => Table::Menu(file.entry(entry)?),
    })
}

/// The steps, with what they say and where they lead.
pub(super) fn steps(file: &mut File<'_>, names: &mut Names<'_>, read: Vec<Step>) -> Vec<(String, StepConf)> {
    let mut steps = Vec::new();
    for Step { name, table } in read {
        let step = match table {
            Table::Menu(said) => menu(file, names, said).map(|menu| StepConf::Menu(Arc::new(menu))),
            Table::Collect(said) => collect(file, names, said).map(|collect| StepConf::Collect(Arc::new(collect))),
            Table::Say(said) => {
                let phrase = names.phrase(file, &said.say);
                let then = said.then.as_ref().map(|then| names.leads(file, then));
                let whole = then.as_ref().is_none_or(Option::is_some);
                let say = SayConf { phrase, barge_in: said.barge_in, then: then.flatten() };
                whole.then(|| StepConf::Say(Arc::new(say)))
            }
            Table::Set(said) => {
                said.set.keys().for_each(|name| check_field(file, name));
                let then = names.leads(file, &said.then);
                let fields = said.set.into_iter().map(|(name, value)| (name.into_inner(), value)).collect();
                then.map(|then| StepConf::Set(Arc::new(SetConf { fields, then })))
            }
            Table::Choose(said) => choose(file, names, said).map(|choose| StepConf::Choose(Arc::new(choose))),
            Table::LookUp(said) => web_steps::look_up(file, names, said).map(|step| StepConf::LookUp(Arc::new(step))),
            Table::Hook(said) => web_steps::hook(file, names, said).map(|step| StepConf::Hook(Arc::new(step))),
        };
        steps.extend(step.map(|step| (name, step)));
    }
    steps
}

fn menu(file: &mut File<'_>, names: &mut Names<'_>, said: MenuTable) -> Option<MenuConf> {
    let asked = Asked {
        prompt: names.phrase(file, &said.greeting),
        barge_in: said.barge_in,
        wrong: said.wrong.map(|text| names.phrase(file, &text)),
        silence: said.silence.map(|text| names.phrase(file, &text)),
        patience_secs: said.patience_secs,
        key_gap_secs: said.key_gap_secs,
        tries: said.tries,
        mask: said.mask,
    };
    let mut keys = Vec::new();
    for (key, to) in in_order(said.keys) {
        let (key, to) = (self::key(file, &key), names.leads(file, &to));
        keys.extend(key.zip(to));
    }
    let otherwise = otherwise(file, names, said.otherwise.as_ref())?;
    let silent = match &said.otherwise_silent {
        Some(to) => names.leads(file, to)?,
        None => otherwise.clone(),
    };
    let keys = keys.into_iter().collect();
    let (extensions, names) = (said.extensions, said.names);
    Some(MenuConf { question: asked.question(), keys, extensions, names, otherwise, silent })
}

fn collect(file: &mut File<'_>, names: &mut Names<'_>, said: CollectTable) -> Option<CollectConf> {
    let asked = Asked {
        prompt: names.phrase(file, &said.ask),
        barge_in: said.barge_in,
        wrong: said.wrong.map(|text| names.phrase(file, &text)),
        silence: said.silence.map(|text| names.phrase(file, &text)),
        patience_secs: said.patience_secs,
        key_gap_secs: said.key_gap_secs,
        tries: said.tries,
        mask: said.mask,
    };
    check_field(file, &said.collect);
    let max = said.max.unwrap_or(DIGITS_MAX);
    if said.min > max || max == 0 || max > DIGITS_MAX {
        let what = format!("of {} to {max} digits none can be typed; up to {DIGITS_MAX} are collected", said.min);
        file.problem(said.collect.span(), what);
    }
    let end = match &said.end {
        None => Some('#'),
        Some(none) if none.get_ref().is_empty() => None,
        Some(text) => Some(key(file, text)?),
    };
    let allowed = said.allowed.iter().filter_map(|pattern| file.parse(pattern)).collect();
    let (then, otherwise) = (names.leads(file, &said.then), otherwise(file, names, said.otherwise.as_ref()));
    let into = said.collect.into_inner();
    Some(CollectConf {
        question: asked.question(),
        into,
        min: said.min,
        max,
        end,
        allowed,
        then: then?,
        otherwise: otherwise?,
    })
}

fn choose(file: &mut File<'_>, names: &mut Names<'_>, said: ChooseTable) -> Option<ChooseConf> {
    if said.choose.get_ref() != "caller" {
        check_field(file, &said.choose);
    }
    let mut cases = Vec::new();
    for (value, to) in in_order(said.cases) {
        let (pattern, to) = (file.parse::<Pattern>(&value), names.leads(file, &to));
        cases.extend(pattern.zip(to));
    }
    let otherwise = names.leads(file, &said.otherwise)?;
    Some(ChooseConf { field: said.choose.into_inner(), cases, otherwise })
}

/// What menus and collecting steps have in common.
struct Asked {
    prompt: Phrase,
    barge_in: Option<bool>,
    wrong: Option<Phrase>,
    silence: Option<Phrase>,
    patience_secs: Option<u16>,
    key_gap_secs: Option<u16>,
    tries: Option<u32>,
    mask: bool,
}

impl Asked {
    fn question(self) -> QuestionConf {
        let usual = QuestionConf::new(self.prompt);
        let time =
            |secs: Option<u16>, usual| secs.map_or(usual, |secs: u16| Duration::from_secs(secs.clamp(1, 600).into()));
        QuestionConf {
            barge_in: self.barge_in.unwrap_or(usual.barge_in),
            wrong: self.wrong,
            silent: self.silence,
            patience: time(self.patience_secs, usual.patience),
            key_gap: time(self.key_gap_secs, usual.key_gap),
            tries: self.tries.unwrap_or(usual.tries).clamp(1, 100),
            mask: self.mask,
            ..usual
        }
    }
}

pub(super) fn otherwise(
    file: &mut File<'_>,
    names: &mut Names<'_>,
    said: Option<&Spanned<String>>,
) -> Option<Destination> {
    said.map_or(Some(Destination::Reject(480)), |to| names.leads(file, to))
}

fn key(file: &mut File<'_>, text: &Spanned<String>) -> Option<char> {
    match text.get_ref().as_bytes() {
        [letter @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D')] => Some(char::from(*letter)),
        _ => {
            file.problem(text.span(), format!("{:?} is no key; write one of 0-9, \"*\", \"#\"", text.get_ref()));
            None
        }
    }
}

pub(super) fn check_field(file: &mut File<'_>, name: &Spanned<String>) {
    let right = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter);
    let text = name.get_ref();
    if text.is_empty() || text.len() > 40 || !text.chars().all(right) || text == "caller" {
        let what =
            format!("{text:?} is no field; write up to 40 lower-case letters, digits and dashes, not \"caller\"");
        file.problem(name.span(), what);
    }
}

/// As they stand in the file.
pub(super) fn in_order(table: BTreeMap<Spanned<String>, Spanned<String>>) -> Vec<(Spanned<String>, Spanned<String>)> {
    let mut rows: Vec<_> = table.into_iter().collect();
    rows.sort_by_key(|(key, _)| key.span().start);
    rows
}
