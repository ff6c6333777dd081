//! What people want of the calls to them, said by key or command; it goes before what the conf says of them.
//!
//! Where it stands: the switch keeps it, over restarts too, and shows it to every journey. Where a number leads that
//! somebody wants calls to go to is found out when he says so, with his own rights.

use std::collections::BTreeMap;

use route::{Case, Destination};
use serde::{Deserialize, Serialize};

use crate::ForwardConf;

/// The people who want something, by account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wishes(BTreeMap<String, Wanted>);

/// What somebody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Not to be disturbed.
    pub quiet: bool,
    /// Where all calls go.
    #[serde(with = "text", skip_serializing_if = "Option::is_none")]
    pub always: Option<Destination>,
    /// Where calls go that find him busy.
    #[serde(with = "text", skip_serializing_if = "Option::is_none")]
    pub busy: Option<Destination>,
    /// Where calls go that nobody answers, or that find no phone.
    #[serde(with = "text", skip_serializing_if = "Option::is_none")]
    pub no_answer: Option<Destination>,
}

impl Wishes {
    /// Is he not to be disturbed?
    pub fn is_quiet(&self, account: &str) -> bool {
        self.0.get(account).is_some_and(|wanted| wanted.quiet)
    }

    /// Lets somebody be, or not any more.
    pub fn quieten(&mut self, account: &str, quiet: bool) {
        self.change(account, |wanted| wanted.quiet = quiet);
    }

    /// Calls go there.
    pub fn forward(&mut self, account: &str, case: Case, to: Destination) {
        self.change(account, |wanted| match case {
            Case::Always => wanted.always = Some(to),
            Case::Busy => wanted.busy = Some(to),
            Case::NoAnswer => wanted.no_answer = Some(to),
        });
    }

    /// They do not any more.
    pub fn forward_none(&mut self, account: &str) {
        self.change(account, |wanted| *wanted = Wanted { quiet: wanted.quiet, ..Wanted::default() });
    }

    /// Forgets all others.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|account, _| is_there(account));
    }

    /// Who wants what.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Wanted)> {
        self.0.iter().map(|(account, wanted)| (account.as_str(), wanted))
    }

    /// Where his calls go, where the conf says this.
    pub(crate) fn forwards(&self, account: &str, conf: ForwardConf) -> ForwardConf {
        let Some(wanted) = self.0.get(account) else { return conf };
        ForwardConf {
            always: wanted.always.clone().or(conf.always),
            busy: wanted.busy.clone().or(conf.busy),
            unreachable: conf.unreachable.or_else(|| wanted.no_answer.clone()),
            no_answer: wanted.no_answer.clone().or(conf.no_answer),
        }
    }

    fn change(&mut self, account: &str, change: impl FnOnce(&mut Wanted)) {
        let wanted = self.0.entry(account.to_owned()).or_default();
        change(wanted);
        if *wanted == Wanted::default() {
            self.0.remove(account);
        }
    }
}

/// A destination as the conf writes it.
mod text {
    use route::Destination;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(to: &Option<Destination>, out: S) -> Result<S::Ok, S::Error> {
        to.as_ref().map(ToString::to_string).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Destination>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_goes_before_the_conf_and_is_kept() {
        let to = |text: &str| text.parse::<Destination>().expect("a destination");
        let conf = ForwardConf { busy: Some(to("person:bob")), ..ForwardConf::default() };
        let mut wishes = Wishes::default();
        assert_eq!(wishes.forwards("ann", conf.clone()), conf);
        wishes.quieten("ann", true);
        wishes.forward("ann", Case::NoAnswer, to("trunk:carrier/0911"));
        let forwards = wishes.forwards("ann", conf.clone());
        assert_eq!(forwards.busy, conf.busy);
        assert_eq!(
            (&forwards.no_answer, &forwards.unreachable),
            (&Some(to("trunk:carrier/0911")), &forwards.no_answer)
        );
        let kept = serde_json::to_string(&wishes).expect("JSON");
        assert_eq!(kept, r#"{"ann":{"quiet":true,"no_answer":"trunk:carrier/0911"}}"#);
        assert_eq!(serde_json::from_str(&kept).ok(), Some(wishes.clone()));
        wishes.forward_none("ann");
        assert!(wishes.is_quiet("ann") && wishes.forwards("ann", conf.clone()) == conf);
        wishes.quieten("ann", false);
        assert_eq!(wishes, Wishes::default());
    }
}
