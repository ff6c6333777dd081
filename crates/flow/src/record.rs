//! What is recorded of a call, and by which rule.
//!
//! Where it stands: the conf makes a list of rules out of `[[record]]`, and notes every destination with a `record = true`;
//! the journey keeps a [`Scene`] of its call, asks whenever that has changed, and tells the call. What somebody orders by a
//! key or a command is none of this.

use std::collections::HashSet;

use base::{CallId, LegId};
use call::{Call, Direction, What};
use route::Numbers;

use crate::Phrase;

/// What is recorded.
#[derive(Clone, Debug, Default)]
pub struct RecordConf {
    /// The first of these that fits says so.
    pub rules: Vec<RecordRule>,
    /// If none does: the talks with who was rung at these destinations are, written as the conf writes them.
    pub at: HashSet<String>,
}

/// One line of the list. What is not said fits all.
#[derive(Clone, Debug, Default)]
pub struct RecordRule {
    /// What it is called in sidecars and logs.
    pub name: String,
    /// Calls from and to there.
    pub direction: Option<Direction>,
    /// The number dialled is one of these.
    pub number: Option<Numbers>,
    /// The caller shows one of these.
    pub caller: Option<Numbers>,
    /// Somebody talks through this trunk.
    pub trunk: Option<String>,
    /// The queue the caller waits in, or waited in last.
    pub queue: Option<String>,
    /// Who talks, as the caller or as a party: an account.
    pub person: Option<String>,
    /// So many of a hundred calls; the others it leaves unrecorded.
    pub share: Option<u8>,
    /// How much of them.
    pub keep: Keep,
    /// How long that is kept, by the name of a class.
    pub class: Option<String>,
    /// What becomes of a call whose caller has not agreed: see [`call::CONSENT`]. It is recorded all the same, if nothing is
    /// said.
    pub without_consent: Option<WithoutConsent>,
    /// What is said, once two talk, to who has not agreed and is no account of ours; it is recorded when that was said.
    pub tell: Option<Phrase>,
}

/// A rule wants a call recorded, and its caller has not agreed to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutConsent {
    /// It is not recorded, until he does.
    Leave,
    /// It ends.
    End,
}

/// How much of a call is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// From the answer on.
    Journey,
    /// From when two talk.
    #[default]
    Talk,
    /// Not from now on.
    Nothing,
}

/// What the rules know of a call.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Which it is.
    pub call: CallId,
    /// From where to where.
    pub direction: Direction,
    /// The number dialled.
    pub number: String,
    /// The number the caller shows.
    pub caller: String,
    /// A route was taken that says `record = true`.
    pub is_routed: bool,
    /// The destination it is at, as the conf writes it.
    pub at: String,
    /// The queue waited in last.
    pub queue: Option<String>,
    /// The accounts of who talks.
    pub people: Vec<String>,
    /// The trunks they talk through.
    pub trunks: Vec<String>,
    /// The caller lets it be recorded.
    pub is_consented: bool,
    /// The caller was answered.
    pub is_answered: bool,
    /// There is a party beside the caller.
    pub talks: bool,
    /// One that was rung at that destination.
    pub talks_there: bool,
    /// Whom the destination has rung.
    rung: Vec<LegId>,
    legs: Vec<LegId>,
    facts: usize,
}

/// What the conf says of a call.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// It is recorded from now.
    Record {
        /// By this rule,
        rule: &'a str,
        /// and kept as this class is.
        class: Option<&'a str>,
    },
    /// It is not, by this rule.
    Leave(&'a str),
    /// It is once this was said.
    Tell(&'a Phrase),
    /// It may not be and may not go on unrecorded.
    End,
    /// Nothing, so far: it stays as it is.
    Unsaid,
}

impl RecordConf {
    /// What it says of this call, as it is now.
    pub fn decide<'a>(&'a self, scene: &'a Scene) -> Verdict<'a> {
        match self.rules.iter().find(|rule| rule.fits(scene)) {
            Some(rule) => rule.decide(scene),
            None if scene.is_routed && scene.is_answered => Verdict::Record { rule: "route", class: None },
            None if scene.talks_there && self.at.contains(&scene.at) => {
                Verdict::Record { rule: &scene.at, class: None }
            }
            None => Verdict::Unsaid,
        }
    }
}

impl RecordRule {
    /// Does it mean this call, as it is now?
    fn fits(&self, scene: &Scene) -> bool {
        let numbers = |asked: &Option<Numbers>, is: &str| asked.as_ref().is_none_or(|asked| asked.have(is));
        let named = |asked: &Option<String>, are: &[String]| asked.as_ref().is_none_or(|asked| are.contains(asked));
        self.direction.is_none_or(|direction| direction == scene.direction)
            && numbers(&self.number, &scene.number)
            && numbers(&self.caller, &scene.caller)
            && named(&self.trunk, &scene.trunks)
            && named(&self.queue, scene.queue.as_slice())
            && named(&self.person, &scene.people)
    }

    fn decide(&self, scene: &Scene) -> Verdict<'_> {
        let is_drawn = self.share.is_none_or(|share| scene.call.percentile() < share);
        let has_begun = match self.keep {
            Keep::Journey => scene.is_answered,
            Keep::Talk => scene.talks,
            Keep::Nothing => false,
        };
        let without_consent = self.without_consent.filter(|_| !scene.is_consented);
        let tell = self.tell.as_ref().filter(|_| !scene.is_consented);
        match (self.keep, is_drawn, has_begun) {
            (Keep::Nothing, ..) | (_, false, _) => Verdict::Leave(&self.name),
            (_, true, true) if tell.is_some() => match tell {
                Some(words) if scene.talks => Verdict::Tell(words),
                _ => Verdict::Unsaid,
            },
            (_, true, true) => match without_consent {
                None => Verdict::Record { rule: &self.name, class: self.class.as_deref() },
                Some(WithoutConsent::Leave) => Verdict::Leave(&self.name),
                Some(WithoutConsent::End) => Verdict::End,
            },
            (_, true, false) => Verdict::Unsaid,
        }
    }
}

impl Scene {
    /// A call that has just knocked. `is_routed`: its route says that it is recorded.
    pub fn new(call: &Call, is_routed: bool) -> Scene {
        let mut scene = Scene {
            call: call.id(),
            direction: Direction::Internal,
            number: String::new(),
            caller: call.caller().party.number.clone(),
            is_routed,
            at: String::new(),
            queue: None,
            people: Vec::new(),
            trunks: Vec::new(),
            is_consented: false,
            is_answered: false,
            talks: false,
            talks_there: false,
            rung: Vec::new(),
            legs: Vec::new(),
            facts: 0,
        };
        scene.hears(call);
        scene
    }

    /// Takes what is new of the call. False: nothing is.
    pub(crate) fn hears(&mut self, call: &Call) -> bool {
        let news = call.facts().get(self.facts..).unwrap_or_default();
        if news.is_empty() && call.talkers().map(|leg| leg.id).eq(self.legs.iter().copied()) {
            return false;
        }
        self.facts += news.len();
        for fact in news {
            match &fact.what {
                What::Started { called, direction, .. } => {
                    (self.number, self.direction) = (called.clone(), *direction);
                }
                What::Entered { destination } => {
                    self.at.clone_from(destination);
                    self.rung.clear();
                }
                What::Queued { queue } => self.queue = Some(queue.clone()),
                What::Answered => self.is_answered = true,
                What::Dialled { leg, .. } | What::Replaced { by: leg, .. } => self.rung.push(*leg),
                _ => {}
            }
        }
        self.is_consented = call.is_consented();
        let caller = call.caller();
        self.legs = call.talkers().map(|leg| leg.id).collect();
        self.talks = self.legs.iter().any(|leg| *leg != caller.id);
        self.talks_there = self.legs.iter().any(|leg| self.rung.contains(leg));
        let parties = || call.talkers().filter(|leg| leg.id != caller.id).chain([caller]).map(|leg| &leg.party);
        self.people = parties().filter_map(|party| party.account.clone()).collect();
        self.trunks = parties().filter_map(|party| party.trunk.clone()).collect();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> Scene {
        Scene {
            call: CallId::from_bits(0),
            direction: Direction::Inbound,
            number: "38515550100".into(),
            caller: "+385911".into(),
            is_routed: false,
            at: "queue:sales".into(),
            queue: Some("sales".into()),
            people: vec!["ann".into()],
            trunks: vec!["carrier".into()],
            is_consented: false,
            is_answered: true,
            talks: true,
            talks_there: true,
            rung: Vec::new(),
            legs: Vec::new(),
            facts: 0,
        }
    }

    fn numbers(texts: &[&str]) -> Option<Numbers> {
        Some(texts.iter().map(|text| text.parse::<route::Pattern>().expect("a pattern")).collect())
    }

    fn said(rules: &[RecordRule], scene: &Scene) -> String {
        let at = HashSet::from(["group:all".to_owned()]);
        match (RecordConf { rules: rules.to_vec(), at }).decide(scene) {
            Verdict::Record { rule, .. } => format!("record {rule}"),
            Verdict::Leave(rule) => format!("leave {rule}"),
            Verdict::Tell(_) => "tell".into(),
            Verdict::End => "end".into(),
            Verdict::Unsaid => "unsaid".into(),
        }
    }

    #[test]
    fn who_has_not_agreed_is_not_recorded_where_that_is_asked() {
        use WithoutConsent::{End, Leave};
        for (without_consent, is_consented, talks, says) in [
            (None, false, true, "record a"),
            (Some(Leave), true, true, "record a"),
            (Some(Leave), false, true, "leave a"),
            (Some(End), true, true, "record a"),
            (Some(End), false, true, "end"),
            (Some(End), false, false, "unsaid"), // he may still be asked
        ] {
            let rule = RecordRule { name: "a".into(), without_consent, ..RecordRule::default() };
            assert_eq!(said(&[rule], &Scene { is_consented, talks, ..scene() }), says, "{without_consent:?}");
        }
    }

    #[test]
    fn who_has_not_agreed_is_told_where_that_is_asked_once_two_talk() {
        let words = || Some(Phrase::new(Vec::new()));
        for (keep, is_consented, talks, says) in [
            (Keep::Talk, false, false, "unsaid"),
            (Keep::Talk, false, true, "tell"),
            (Keep::Talk, true, true, "record a"),
            (Keep::Journey, false, false, "unsaid"), // a menu may be speaking to him
            (Keep::Journey, true, false, "record a"),
        ] {
            let rule = RecordRule { name: "a".into(), keep, tell: words(), ..RecordRule::default() };
            assert_eq!(said(&[rule], &Scene { is_consented, talks, ..scene() }), says, "{keep:?}");
        }
    }

    #[test]
    fn a_rule_fits_where_all_it_says_is_so() {
        let any = RecordRule { name: "a".into(), ..RecordRule::default() };
        let (yes, no) = ("record a", "unsaid");
        for (rule, is) in [
            (any.clone(), yes),
            (RecordRule { direction: Some(Direction::Inbound), ..any.clone() }, yes),
            (RecordRule { direction: Some(Direction::Outbound), ..any.clone() }, no),
            (RecordRule { number: numbers(&["3851*"]), ..any.clone() }, yes),
            (RecordRule { number: numbers(&["3852*"]), ..any.clone() }, no),
            (RecordRule { caller: numbers(&["1", "+385911"]), ..any.clone() }, yes),
            (RecordRule { caller: numbers(&["anonymous"]), ..any.clone() }, no),
            (RecordRule { trunk: Some("carrier".into()), ..any.clone() }, yes),
            (RecordRule { trunk: Some("other".into()), ..any.clone() }, no),
            (RecordRule { queue: Some("sales".into()), ..any.clone() }, yes),
            (RecordRule { queue: Some("support".into()), ..any.clone() }, no),
            (RecordRule { person: Some("ann".into()), ..any.clone() }, yes),
            (RecordRule { person: Some("bob".into()), ..any.clone() }, no),
            (RecordRule { queue: Some("sales".into()), person: Some("bob".into()), ..any.clone() }, no),
            (RecordRule { keep: Keep::Nothing, ..any.clone() }, "leave a"),
        ] {
            assert_eq!(said(std::slice::from_ref(&rule), &scene()), is, "{rule:?}");
        }
    }

    #[test]
    fn the_first_that_fits_decides_as_the_call_goes_on() {
        let rule = |name: &str| RecordRule { name: name.into(), ..RecordRule::default() };
        let rules = [
            RecordRule { person: Some("lawyer".into()), keep: Keep::Nothing, ..rule("lawyer") },
            RecordRule { queue: Some("sales".into()), class: Some("long".into()), ..rule("sales") },
            RecordRule { direction: Some(Direction::Inbound), ..rule("inbound") },
        ];
        let knocks = Scene {
            queue: None,
            people: Vec::new(),
            at: "menu:main".into(),
            is_answered: false,
            talks: false,
            talks_there: false,
            ..scene()
        };
        let internal = |scene| Scene { direction: Direction::Internal, ..scene };
        let with = |people: &[&str]| people.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (scene, says) in [
            (knocks.clone(), "unsaid"),
            (Scene { is_answered: true, ..knocks.clone() }, "unsaid"), // not before two talk
            (Scene { is_routed: true, is_answered: true, ..knocks.clone() }, "unsaid"), // "inbound" fits
            (internal(Scene { is_routed: true, ..knocks.clone() }), "unsaid"), // not before the answer
            (internal(Scene { is_routed: true, is_answered: true, ..knocks.clone() }), "record route"),
            (internal(Scene { at: "group:all".into(), talks_there: true, ..knocks.clone() }), "record group:all"),
            (internal(Scene { at: "group:all".into(), talks: true, ..knocks.clone() }), "unsaid"), // with somebody else
            (internal(Scene { at: "group:few".into(), talks_there: true, ..knocks.clone() }), "unsaid"),
            (Scene { talks: true, people: with(&["bob"]), ..knocks.clone() }, "record inbound"),
            (Scene { queue: Some("sales".into()), is_answered: true, ..knocks.clone() }, "unsaid"),
            (Scene { people: with(&["bob"]), ..scene() }, "record sales"),
            (Scene { people: with(&["bob", "lawyer"]), ..scene() }, "leave lawyer"),
            (internal(Scene { queue: None, ..scene() }), "unsaid"),
        ] {
            assert_eq!(said(&rules, &scene), says, "{scene:?}");
        }
    }

    #[test]
    fn a_share_takes_the_same_calls_every_time_and_leaves_the_others() {
        let rules = [
            RecordRule { name: "some".into(), share: Some(20), queue: Some("sales".into()), ..RecordRule::default() },
            RecordRule { name: "all".into(), ..RecordRule::default() },
        ];
        let mut random = base::Random::numbered(3);
        let calls: Vec<CallId> = (0..10_000).map(|n| CallId::new(n * 250, &mut random)).collect();
        let taken = |queue: Option<&str>| {
            let scene = |call: &CallId| Scene { call: *call, queue: queue.map(str::to_owned), ..scene() };
            calls.iter().map(|call| said(&rules, &scene(call))).collect::<Vec<_>>()
        };
        let first = taken(Some("sales"));
        assert_eq!(first, taken(Some("sales")));
        let some = first.iter().filter(|says| *says == "record some").count();
        assert!((1_850..2_150).contains(&some), "{some}");
        assert_eq!(first.iter().filter(|says| *says == "leave some").count(), calls.len() - some);
        assert!(taken(None).iter().all(|says| says == "record all"));
    }
}
