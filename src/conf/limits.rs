//! What a person may use (`[limits]` in switch.toml, `limits` in people.toml): a stolen password is worth no more than that.

use route::When;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::names::Names;

/// How much one person may use; 0 is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonLimits {
    /// Calls made, at once.
    pub calls: u32,
    /// Calls made in a second.
    pub calls_per_sec: u32,
    /// Calls through trunks on this person's account, at once.
    pub outside: u32,
    /// Of those, in an hour.
    pub outside_per_hour: u32,
    /// Of those, in a day.
    pub outside_per_day: u32,
    /// How long all of those may last together, in a day.
    pub outside_minutes_per_day: u32,
    /// How their numbers may begin; anyhow, where none is named.
    pub outside_only: Vec<String>,
    /// How they may not.
    pub outside_never: Vec<String>,
    /// After more refusals than so many in an hour nothing goes outside until somebody says otherwise.
    pub block_after: u32,
    /// What is otherwise at certain hours.
    pub night: Option<Box<NightLimits>>,
}

/// What a person may use at certain hours. What is not said is as ever.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NightLimits {
    /// Which: hours of routes.toml, or `not` of them.
    pub when: Spanned<String>,
    /// See [`PersonLimits::outside`].
    pub outside: Option<u32>,
    /// See [`PersonLimits::outside_per_hour`].
    pub outside_per_hour: Option<u32>,
    /// See [`PersonLimits::outside_only`].
    pub outside_only: Option<Vec<String>>,
    /// See [`PersonLimits::outside_never`].
    pub outside_never: Option<Vec<String>>,
}

impl NightLimits {
    /// When these limits hold; checked when the conf was read.
    pub fn when(&self) -> Option<When> {
        self.when.get_ref().parse().ok()
    }
}

impl PersonLimits {
    /// May a call go outside to that number at all?
    pub fn lead_to(&self, number: &str, night: Option<&NightLimits>) -> bool {
        let begins = |beginnings: &[String]| beginnings.iter().any(|beginning| number.starts_with(beginning.as_str()));
        let only = night.and_then(|night| night.outside_only.as_deref()).unwrap_or(&self.outside_only);
        let never = night.and_then(|night| night.outside_never.as_deref()).unwrap_or(&self.outside_never);
        (only.is_empty() || begins(only)) && !begins(never)
    }

    /// Sees that they can be meant.
    pub(super) fn check(&self, file: &mut File<'_>, names: &Names<'_>) {
        let Some(night) = &self.night else { return };
        match night.when.get_ref().parse::<When>() {
            Err(what) => file.problem(night.when.span(), what),
            Ok(when) if !names.hours.contains_key(&when.hours) => {
                let what = format!("there are no hours {:?}; add [hours.{}] to routes.toml", when.hours, when.hours);
                file.problem(night.when.span(), what);
            }
            Ok(_) => {}
        }
    }
}
