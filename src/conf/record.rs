//! Which calls are recorded: `[[record]]` of switch.toml.

use call::Direction;
use flow::{Keep, RecordRule, WithoutConsent};
use route::{Destination, Numbers};
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::names::Names;
use super::switch_file::SwitchConf;

/// One `[[record]]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RecordTable {
    name: Option<Spanned<String>>,
    direction: Option<Spanned<String>>,
    number: Vec<Spanned<String>>,
    caller: Vec<Spanned<String>>,
    trunk: Option<Spanned<String>>,
    queue: Option<Spanned<String>>,
    person: Option<Spanned<String>>,
    percent: Option<Spanned<u8>>,
    keep: Option<Spanned<String>>,
    class: Option<Spanned<String>>,
    without_consent: Option<Spanned<String>>,
    tell: Option<Spanned<String>>,
}

/// The rules, in their order.
pub(super) fn rules(file: &mut File<'_>, names: &mut Names<'_>, switch: &SwitchConf) -> Vec<RecordRule> {
    for class in switch.record.iter().filter_map(|said| said.class.as_ref()) {
        switch.retention.check_class(file, class);
    }
    (1..).zip(&switch.record).map(|(place, said)| rule(file, names, place, said)).collect()
}

fn rule(file: &mut File<'_>, names: &mut Names<'_>, place: usize, said: &RecordTable) -> RecordRule {
    let mut known = |file: &mut File<'_>, text: &Option<Spanned<String>>, leads: fn(String) -> Destination| {
        let text = text.as_ref()?;
        names.check(file, &leads(text.get_ref().clone()), &text.span());
        Some(text.get_ref().clone())
    };
    let queue = known(file, &said.queue, Destination::Queue);
    let person = known(file, &said.person, Destination::Person);
    if let Some(trunk) = &said.trunk {
        names.check_caller(file, &route::From::Trunk(trunk.get_ref().clone()), &trunk.span());
    }
    if let Some(percent) = said.percent.as_ref().filter(|percent| *percent.get_ref() > 100) {
        file.problem(percent.span(), "percent is 0 to 100 of the calls");
    }
    if let (Some(tell), Some(_)) = (&said.tell, &said.without_consent) {
        file.problem(tell.span(), "who is told may be recorded; leave out without_consent");
    }
    let name = said.name.as_ref().map(|name| short(file, name)).unwrap_or_else(|| format!("record-{place}"));
    RecordRule {
        name,
        direction: said.direction.as_ref().and_then(|text| {
            let words = [Direction::Internal, Direction::Inbound, Direction::Outbound].map(|one| (one.word(), one));
            word(file, text, &words)
        }),
        number: numbers(file, &said.number),
        caller: numbers(file, &said.caller),
        trunk: said.trunk.as_ref().map(|trunk| trunk.get_ref().clone()),
        queue,
        person,
        share: said.percent.as_ref().map(|percent| *percent.get_ref()),
        keep: said.keep.as_ref().and_then(|text| word(file, text, &KEEPS)).unwrap_or_default(),
        class: said.class.as_ref().map(|class| class.get_ref().clone()),
        tell: said.tell.as_ref().map(|text| names.phrase(file, text)),
        without_consent: said.without_consent.as_ref().and_then(|text| word(file, text, &WITHOUT_CONSENT)),
    }
}

const KEEPS: [(&str, Keep); 3] = [("journey", Keep::Journey), ("talk", Keep::Talk), ("nothing", Keep::Nothing)];

const WITHOUT_CONSENT: [(&str, WithoutConsent); 2] = [("leave", WithoutConsent::Leave), ("end", WithoutConsent::End)];

fn numbers(file: &mut File<'_>, said: &[Spanned<String>]) -> Option<Numbers> {
    (!said.is_empty()).then(|| said.iter().filter_map(|text| file.parse::<route::Pattern>(text)).collect())
}

fn word<T: Copy>(file: &mut File<'_>, text: &Spanned<String>, words: &[(&str, T)]) -> Option<T> {
    let found = words.iter().find(|(word, _)| word == text.get_ref()).map(|(_, meant)| *meant);
    if found.is_none() {
        let all = words.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        file.problem(text.span(), format!("{:?} is none of {all}; write one of them", text.get_ref()));
    }
    found
}

/// A name that goes into sidecars.
fn short(file: &mut File<'_>, text: &Spanned<String>) -> String {
    let name = text.get_ref();
    if name.is_empty() || name.len() > 40 || name.chars().any(char::is_control) {
        file.problem(text.span(), format!("{name:?} is no name; write up to 40 letters on one line"));
    }
    name.clone()
}
