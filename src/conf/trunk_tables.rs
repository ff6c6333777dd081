//! The tables of a trunk: `[carrier.register]`, `.health`, `.limits`, `.numbers`, `.identity` and `.headers`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use sip::digest::Credentials;
use sip::{Host, Name};
use toml::Spanned;
use trunk::{
    Asserted, Diverted, Form, HeaderRules, HealthConf, IdentityPolicy, Limits, NumberPlan, RegisterConf, Touch, WORDS,
    may_be_named, may_be_removed,
};

use super::file::File;
use super::trunks::is_user;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RegisterTable {
    user: Option<Spanned<String>>,
    expires_secs: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HealthTable {
    options_secs: Spanned<u32>,
    failures: Spanned<u32>,
    successes: Spanned<u32>,
    answer_secs: Spanned<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LimitsTable {
    calls: u32,
    calls_in: u32,
    calls_out: u32,
    calls_per_sec: u32,
    calls_per_day: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NumbersTable {
    country: Option<Spanned<String>>,
    national: Option<Spanned<String>>,
    international: Option<Spanned<String>>,
    short_max: Option<Spanned<usize>>,
    send: Option<Spanned<String>>,
    receive: Option<Spanned<String>>,
    called_strip: usize,
    called_prepend: Option<Spanned<String>>,
    calling_strip: usize,
    calling_prepend: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IdentityTable {
    trusted: bool,
    send: Option<Spanned<String>>,
    diversion: Option<Spanned<String>>,
    anonymous: bool,
    show_forwarded: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HeadersTable {
    add: BTreeMap<Spanned<String>, Spanned<String>>,
    remove: Vec<Spanned<String>>,
    pass: Vec<Spanned<String>>,
    user_to_user: bool,
}

/// What a registration may last.
const EXPIRES_SECS: std::ops::RangeInclusive<u32> = 30..=86_400;
/// Headers of one list.
const HEADERS_MAX: usize = 32;
/// Letters of a header's value.
const VALUE_MAX: usize = 512;

impl RegisterTable {
    pub(super) fn read(
        &self,
        file: &mut File<'_>,
        span: &Range<usize>,
        trunk: &str,
        domain: Host,
        credentials: Option<&Credentials>,
    ) -> Option<RegisterConf> {
        let Some(credentials) = credentials else {
            let what =
                format!("[{trunk}] registers without user and password; add them, or take [{trunk}.register] out");
            file.problem(span.clone(), what);
            return None;
        };
        let user = match &self.user {
            Some(user) if !is_user(user.get_ref()) => {
                file.problem(
                    user.span(),
                    "user is what stands before the @ in our address there: letters, digits, + - . _",
                );
                return None;
            }
            Some(user) => user.get_ref().clone(),
            None => credentials.user.clone(),
        };
        let expires_secs = self.expires_secs.as_ref().map_or(3600, |secs| *secs.get_ref());
        if let Some(secs) = self.expires_secs.as_ref().filter(|secs| !EXPIRES_SECS.contains(secs.get_ref())) {
            file.problem(secs.span(), "expires_secs is 30 to 86400; 3600 is usual");
        }
        let line = credentials.line(trunk);
        Some(RegisterConf { domain, user, expires_secs, line, credentials: Some(credentials.clone()) })
    }
}

impl Default for HealthTable {
    fn default() -> HealthTable {
        let usual = HealthConf::default();
        let unplaced = |value| Spanned::new(0..0, value);
        HealthTable {
            options_secs: unplaced(usual.options.map_or(0, |every| every.as_secs() as u32)),
            failures: unplaced(usual.failures),
            successes: unplaced(usual.successes),
            answer_secs: unplaced(usual.answer.as_secs() as u32),
        }
    }
}

impl HealthTable {
    pub(super) fn read(&self, file: &mut File<'_>) -> HealthConf {
        let mut within = |value: &Spanned<u32>, range: std::ops::RangeInclusive<u32>, what: &str| {
            if !range.contains(value.get_ref()) {
                file.problem(value.span(), what);
            }
            *value.get_ref()
        };
        let options = match *self.options_secs.get_ref() {
            0 => 0,
            _ => within(&self.options_secs, 5..=3600, "options_secs is 5 to 3600, or 0 for no OPTIONS at all"),
        };
        let seconds = |secs: u32| Duration::from_secs(secs.into());
        HealthConf {
            options: (options > 0).then(|| seconds(options)),
            failures: within(&self.failures, 1..=100, "failures is 1 to 100: so many in a row, and the trunk is down"),
            successes: within(&self.successes, 1..=100, "successes is 1 to 100: so many in a row, and it is up again"),
            answer: seconds(within(
                &self.answer_secs,
                1..=32,
                "answer_secs is 1 to 32: so long a trunk may say nothing to a call",
            )),
        }
    }
}

impl LimitsTable {
    pub(super) fn read(&self) -> Limits {
        let LimitsTable { calls, calls_in, calls_out, calls_per_sec, calls_per_day } = *self;
        Limits { calls, calls_in, calls_out, calls_per_sec, calls_per_day }
    }
}

impl NumbersTable {
    /// The plan, and what is done to called and calling numbers.
    pub(super) fn read(&self, file: &mut File<'_>) -> (Option<NumberPlan>, Touch, Touch) {
        let mut dialled = |text: &Option<Spanned<String>>, usual: &str| match text {
            Some(text) => {
                if !text.get_ref().bytes().all(|b| b.is_ascii_digit() || b"+*#".contains(&b))
                    || text.get_ref().len() > 16
                {
                    file.problem(
                        text.span(),
                        "these are digits to be dialled, such as \"0\"; + * and # may be among them",
                    );
                }
                text.get_ref().clone()
            }
            None => usual.to_owned(),
        };
        let called = Touch { strip: self.called_strip, prepend: dialled(&self.called_prepend, "") };
        let calling = Touch { strip: self.calling_strip, prepend: dialled(&self.calling_prepend, "") };
        let (national, international) = (dialled(&self.national, "0"), dialled(&self.international, "00"));
        let (send, receive) = (form(file, &self.send), form(file, &self.receive));
        let Some(country) = &self.country else {
            let spans = [&self.send, &self.receive, &self.national, &self.international];
            if let Some(span) = spans.into_iter().flatten().map(Spanned::span).next() {
                file.problem(span, "without a country no number can be written in another form; add country = \"385\"");
            }
            return (None, called, calling);
        };
        let digits = country.get_ref();
        if digits.is_empty()
            || digits.len() > 3
            || digits.starts_with('0')
            || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            file.problem(country.span(), "country is a country's code of one to three digits, such as \"385\"");
        }
        let short_max = self.short_max.as_ref().map_or(6, |max| *max.get_ref());
        let plan = NumberPlan { country: digits.clone(), national, international, short_max, send, receive };
        (Some(plan), called, calling)
    }
}

fn form(file: &mut File<'_>, text: &Option<Spanned<String>>) -> Form {
    text.as_ref().map_or(Form::E164, |text| file.parse(text).unwrap_or(Form::E164))
}

impl IdentityTable {
    pub(super) fn read(&self, file: &mut File<'_>) -> IdentityPolicy {
        let usual = if self.trusted { Asserted::Pai } else { Asserted::Nothing };
        let send = self.send.as_ref().map_or(usual, |text| file.parse(text).unwrap_or(usual));
        if let (Some(text), false, Asserted::Pai | Asserted::Rpid) = (&self.send, self.trusted, send) {
            let what = "identities are asserted only to who is trusted (RFC 3325); add trusted = true, or write \"ppi\" or \"none\"";
            file.problem(text.span(), what);
        }
        let diversion =
            self.diversion.as_ref().map_or(Diverted::Nothing, |text| file.parse(text).unwrap_or(Diverted::Nothing));
        let (trusted, anonymous, shows_forwarded) = (self.trusted, self.anonymous, self.show_forwarded);
        IdentityPolicy { trusted, send, diversion, anonymous, shows_forwarded }
    }
}

impl HeadersTable {
    pub(super) fn read(&self, file: &mut File<'_>) -> HeaderRules {
        let mut add = Vec::new();
        for (name, value) in &self.add {
            let text = value.get_ref();
            if !may_be_named(&Name::from(name.get_ref().as_str())) {
                file.problem(name.span(), ours(name.get_ref()));
            } else if text.len() > VALUE_MAX || text.chars().any(char::is_control) {
                file.problem(value.span(), format!("a value is one line of at most {VALUE_MAX} letters"));
            } else if let Some(word) = unknown_word(text) {
                let what = format!("{{{word}}} means nothing; write {{{}}}", WORDS.join("}, {"));
                file.problem(value.span(), what);
            } else {
                add.push((Name::from(name.get_ref().as_str()), text.clone()));
            }
        }
        let mut remove = Vec::new();
        for name in &self.remove {
            match may_be_removed(&Name::from(name.get_ref().as_str())) {
                true => remove.push(Name::from(name.get_ref().as_str())),
                false => file
                    .problem(name.span(), format!("{} makes an INVITE what it is; take it out here", name.get_ref())),
            }
        }
        for name in &self.pass {
            let text = name.get_ref();
            let begin = text.strip_suffix('*').unwrap_or(text);
            if !text.is_empty() && !begin.is_empty() && !may_be_named(&Name::from(begin)) {
                file.problem(name.span(), ours(text));
            } else if begin.is_empty() {
                file.problem(name.span(), "write a header's name, or its beginning and a star: \"X-*\"");
            }
        }
        let lists = [self.add.keys().nth(HEADERS_MAX), self.remove.get(HEADERS_MAX), self.pass.get(HEADERS_MAX)];
        for one_too_many in lists.into_iter().flatten() {
            file.problem(one_too_many.span(), format!("a list has {HEADERS_MAX} headers at most"));
        }
        let pass = self.pass.iter().map(|name| name.get_ref().clone()).collect();
        HeaderRules { add, remove, pass, user_to_user: self.user_to_user }
    }
}

fn ours(name: &str) -> String {
    format!(
        "{name} is no header of anybody's choice: calls, passwords or identities hang on it; take it out (who calls is \
         said in the trunk's identity table)"
    )
}

/// The first `{word}` that means nothing.
fn unknown_word(text: &str) -> Option<&str> {
    let words = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(word, _)| word);
    { words }.find(|word| !WORDS.contains(word))
}
