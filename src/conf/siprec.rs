//! `[siprec]` of switch.toml: somebody else's recorder that hears calls, too (SIPREC client, RFC 7866).

use route::Destination;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;
use super::names::Names;

/// Where it is, and what it hears.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiprecConf {
    /// The trunk, or group of trunks, that leads there.
    pub trunk: Spanned<String>,
    /// How it is called there.
    #[serde(default = "srs")]
    pub number: Spanned<String>,
    /// The calls recorded by these rules; all that are recorded if none is named.
    #[serde(default)]
    pub rules: Vec<Spanned<String>>,
}

fn srs() -> Spanned<String> {
    Spanned::new(0..0, "srs".to_owned())
}

impl SiprecConf {
    /// Does it hear what this rule records? What somebody asked for has none.
    pub fn hears(&self, rule: Option<&str>) -> bool {
        self.rules.is_empty() || rule.is_some_and(|rule| self.rules.iter().any(|named| named.get_ref() == rule))
    }

    /// `rules`: the names of all `[[record]]`.
    pub(super) fn check(&self, file: &mut File<'_>, names: &mut Names<'_>, rules: &[flow::RecordRule]) {
        names.check(file, &Destination::Trunk(self.trunk.get_ref().clone()), &self.trunk.span());
        if self.number.get_ref().is_empty()
            || self.number.get_ref().contains(|one: char| one.is_control() || one == ' ')
        {
            file.problem(
                self.number.span(),
                "number is what stands before the @ in the recorder's address, such as \"srs\"",
            );
        }
        for named in &self.rules {
            let name = named.get_ref();
            let by_place = ["route", "queue:", "group:", "person:"].iter().any(|begin| name.starts_with(begin));
            if !by_place && !rules.iter().any(|rule| rule.name == *name) {
                let what = format!(
                    "no [[record]] is called {name:?}; name one, or \"route\", \"queue:NAME\", \"group:NAME\", \"person:NAME\""
                );
                file.problem(named.span(), what);
            }
        }
    }
}
