//! The steps as a graph: who leads where, what nobody reaches, and where a caller goes round for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use route::Destination;

use crate::StepConf;

/// The steps of `menus.toml`, and how they lead to each other.
#[derive(Debug)]
pub struct Graph<'a> {
    steps: BTreeMap<&'a str, &'a StepConf>,
}

/// Something that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing leads to a step.
    Unreached(String),
    /// Steps that take no time lead round to each other: a call that comes there is ended.
    Circle(Vec<String>),
    /// A step asks a web server by a field that is keyed in under a mask: the server is told nothing of it.
    Untold {
        /// The step that asks.
        step: String,
        /// The field.
        field: String,
        /// The step where it is keyed in.
        masked: String,
    },
    /// From a step a caller comes to nobody, and to no end, whatever he presses.
    NoWayOut(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Unreached(step) => {
                write!(f, "{step}: nothing leads there; let a route or a key do so, or take it out")
            }
            Finding::Circle(steps) => write!(
                f,
                "{}: they lead round to each other and take no time, so calls that come there are ended; let something \
                 be said or asked on the way",
                steps.join(" -> ")
            ),
            Finding::Untold { step, field, masked } => write!(
                f,
                "{step}: it asks a web server by {field:?}, which {masked} has keyed in under a mask: the server is told \
                 nothing of it; ask by another field, or take the mask away"
            ),
            Finding::NoWayOut(step) => write!(
                f,
                "{step}: whatever a caller presses there, he comes to nobody and to no end; let a key or `otherwise` \
                 lead out"
            ),
        }
    }
}

impl<'a> Graph<'a> {
    /// Of these steps.
    pub fn of(steps: impl IntoIterator<Item = (&'a str, &'a StepConf)>) -> Graph<'a> {
        Graph { steps: steps.into_iter().collect() }
    }

    /// What cannot be meant, when calls come in at these steps.
    pub fn findings(&self, entries: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&str> = entries.into_iter().filter(|entry| self.steps.contains_key(entry)).collect();
        while let Some(step) = next.pop() {
            if reached.insert(step) {
                next.extend(self.after(step));
            }
        }
        let steps = || self.steps.keys().copied();
        let unreached = steps().filter(|step| !reached.contains(step)).map(|step| Finding::Unreached(step.to_owned()));
        let ways_out = self.with_a_way_out();
        let stuck = steps().filter(|step| reached.contains(step) && !ways_out.contains(step));
        let stuck = stuck.map(|step| Finding::NoWayOut(step.to_owned()));
        let found = self.circles().into_iter().map(Finding::Circle).chain(unreached).chain(stuck);
        found.chain(self.untold()).collect()
    }

    /// Who asks by what nobody is told of. A field that another step fills openly, too, may be meant.
    fn untold(&self) -> Vec<Finding> {
        let mut filled: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
        for (name, step) in &self.steps {
            match step {
                StepConf::Collect(collect) => {
                    filled.entry(&collect.into).or_default().push((name, collect.question.mask));
                }
                StepConf::Set(set) => {
                    set.fields.keys().for_each(|field| filled.entry(field).or_default().push((name, false)))
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        for (step, conf) in &self.steps {
            let (address, posted) = match conf {
                StepConf::LookUp(look_up) => (&look_up.server.url, look_up.post.as_deref()),
                StepConf::Hook(hook) => (&hook.server.url, None),
                _ => continue,
            };
            let asked: BTreeSet<&str> =
                address.fields().chain(posted.into_iter().flatten().map(String::as_str)).collect();
            for field in asked {
                let by = filled.get(field).map(Vec::as_slice).unwrap_or_default();
                if let Some((masked, _)) = by.first().filter(|_| by.iter().all(|(_, mask)| *mask)) {
                    let [step, field, masked] = [step, field, masked].map(str::to_owned);
                    found.push(Finding::Untold { step, field, masked });
                }
            }
        }
        found
    }

    /// The picture, for Mermaid: `from` names what leads in from outside, and where.
    pub fn mermaid(&self, from: impl IntoIterator<Item = (String, &'a str)>) -> String {
        let mut lines = vec!["flowchart LR".to_owned()];
        for (step, conf) in &self.steps {
            let (open, close) = match conf {
                StepConf::Menu(_) => ("{{", "}}"),
                StepConf::Collect(_) => ("[/", "/]"),
                StepConf::Say(_) => (">", "]"),
                StepConf::Set(_) => ("[", "]"),
                StepConf::Choose(_) => ("{", "}"),
                StepConf::LookUp(_) => ("[(", ")]"),
                StepConf::Hook(_) => ("[[", "]]"),
            };
            lines.push(format!("    {}{open}\"{step}\"{close}", id(step)));
        }
        for (label, step) in from {
            lines.push(format!("    {}([\"{label}\"]) --> {}", id(&format!("from {label}")), id(step)));
        }
        for (step, conf) in &self.steps {
            for (label, to) in ways(conf) {
                let to = match to {
                    Some(Destination::Menu(step)) => id(step),
                    Some(other) => format!("{}([\"{other}\"])", id(&other.to_string())),
                    None => "end([\"hang up\"])".to_owned(),
                };
                lines.push(format!("    {} -- \"{label}\" --> {to}", id(step)));
            }
        }
        lines.join("\n") + "\n"
    }

    fn after(&self, step: &str) -> Vec<&'a str> {
        let ways = self.steps.get(step).copied().map(ways).unwrap_or_default();
        ways.into_iter().filter_map(|(_, to)| menu(to)).collect()
    }

    fn with_a_way_out(&self) -> BTreeSet<&'a str> {
        let mut out: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = out.len();
            for (step, conf) in &self.steps {
                let leads_out = ways(conf).into_iter().any(|(_, to)| menu(to).is_none_or(|menu| out.contains(menu)));
                if leads_out {
                    out.insert(step);
                }
            }
            if out.len() == before {
                return out;
            }
        }
    }

    /// Circles of steps that take no time.
    fn circles(&self) -> Vec<Vec<String>> {
        let is_instant = |step: &str| matches!(self.steps.get(step), Some(StepConf::Set(_) | StepConf::Choose(_)));
        let mut circles: Vec<Vec<String>> = Vec::new();
        let mut seen = BTreeSet::new();
        for start in self.steps.keys().copied().filter(|step| is_instant(step)) {
            let mut next = vec![vec![start]];
            let mut visited = BTreeSet::new();
            while let Some(path) = next.pop() {
                for to in self.after(path.last().copied().unwrap_or(start)).into_iter().filter(|to| is_instant(to)) {
                    if to == start && path.iter().all(|step| !seen.contains(step)) {
                        seen.extend(path.iter().copied());
                        circles.push(path.iter().chain([&start]).map(|step| (*step).to_owned()).collect());
                    } else if visited.insert(to) {
                        next.push([&path[..], &[to]].concat());
                    }
                }
            }
        }
        circles
    }
}

/// Where a step leads, and when; nowhere is the end of the call.
fn ways(step: &StepConf) -> Vec<(String, Option<&Destination>)> {
    let mut ways: Vec<(String, Option<&Destination>)> = Vec::new();
    match step {
        StepConf::Menu(menu) => {
            let mut keys: Vec<_> = menu.keys.iter().collect();
            keys.sort_by_key(|(key, _)| **key);
            ways.extend(keys.into_iter().map(|(key, to)| (key.to_string(), Some(to))));
            ways.push(("otherwise".to_owned(), Some(&menu.otherwise)));
            if menu.silent != menu.otherwise {
                ways.push(("silent".to_owned(), Some(&menu.silent)));
            }
        }
        StepConf::Collect(collect) => {
            ways.push((format!("{} typed", collect.into), Some(&collect.then)));
            ways.push(("otherwise".to_owned(), Some(&collect.otherwise)));
        }
        StepConf::Say(say) => ways.push(("then".to_owned(), say.then.as_ref())),
        StepConf::Set(set) => ways.push(("then".to_owned(), Some(&set.then))),
        StepConf::Choose(choose) => {
            let case = |(value, to)| (format!("{} {value}", choose.field), Some(to));
            ways.extend(choose.cases.iter().map(|(value, to)| (value, to)).map(case));
            ways.push(("otherwise".to_owned(), Some(&choose.otherwise)));
        }
        StepConf::LookUp(look_up) => {
            ways.push(("answer".to_owned(), Some(&look_up.then)));
            ways.push(("otherwise".to_owned(), Some(&look_up.otherwise)));
        }
        StepConf::Hook(hook) => {
            ways.extend(hook.leads.iter().map(|to| ("leads".to_owned(), Some(to))));
            ways.push(("otherwise".to_owned(), Some(&hook.otherwise)));
        }
    }
    ways
}

fn menu(to: Option<&Destination>) -> Option<&str> {
    match to {
        Some(Destination::Menu(name)) => Some(name),
        _ => None,
    }
}

/// A name Mermaid takes for one: letters and digits, and no two of ours the same.
fn id(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter.is_ascii_alphanumeric() {
        true => letter.to_string(),
        false => format!("_{:x}", u32::from(letter)),
    });
    format!("s_{}", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::sync::Arc;

    use audio::Sound;

    use super::*;
    use crate::{ChooseConf, CollectConf, LookUpConf, MenuConf, Phrase, QuestionConf, SayConf, ServerConf, SetConf};

    fn to(text: &str) -> Destination {
        text.parse().expect("a destination")
    }

    fn phrase() -> Phrase {
        Phrase::only(Sound::from_pcm(audio::silence(20)))
    }

    fn asks(keys: &[(char, &str)], otherwise: &str) -> StepConf {
        StepConf::Menu(Arc::new(MenuConf {
            question: QuestionConf::new(phrase()),
            keys: keys.iter().map(|(key, way)| (*key, to(way))).collect::<HashMap<_, _>>(),
            extensions: false,
            names: false,
            otherwise: to(otherwise),
            silent: to(otherwise),
        }))
    }

    fn sets(then: &str) -> StepConf {
        StepConf::Set(Arc::new(SetConf { fields: BTreeMap::new(), then: to(then) }))
    }

    fn says(then: Option<&str>) -> StepConf {
        StepConf::Say(Arc::new(SayConf { phrase: phrase(), barge_in: false, then: then.map(to) }))
    }

    fn chooses(case: &str, otherwise: &str) -> StepConf {
        let cases = vec![("1*".parse().expect("a pattern"), to(case))];
        StepConf::Choose(Arc::new(ChooseConf { field: "account".to_owned(), cases, otherwise: to(otherwise) }))
    }

    fn findings(steps: &[(&str, StepConf)]) -> Vec<Finding> {
        Graph::of(steps.iter().map(|(name, step)| (*name, step))).findings(["main"])
    }

    #[test]
    fn what_cannot_be_meant_is_found() {
        let whole = [("main", asks(&[('1', "menu:more")], "menu:bye")), ("more", sets("echo")), ("bye", says(None))];
        assert_eq!(findings(&whole), []);
        let lost = [("main", asks(&[('1', "echo")], "echo")), ("lost", says(None))];
        assert_eq!(findings(&lost), [Finding::Unreached("lost".to_owned())]);
        let stuck = [("main", asks(&[('1', "menu:more")], "menu:main")), ("more", says(Some("menu:main")))];
        let no_way = |step: &str| Finding::NoWayOut(step.to_owned());
        assert_eq!(findings(&stuck), [no_way("main"), no_way("more")]);
        let round = [("main", chooses("menu:a", "echo")), ("a", sets("menu:b")), ("b", chooses("menu:main", "menu:a"))];
        let found = findings(&round);
        assert!(matches!(&found[..], [Finding::Circle(steps)] if steps.first() == steps.last()), "{found:?}");
    }

    #[test]
    fn who_asks_by_what_is_keyed_in_under_a_mask_is_told() {
        let collects = |into: &str, mask: bool, then: &str| {
            let question = QuestionConf { mask, ..QuestionConf::new(phrase()) };
            StepConf::Collect(Arc::new(CollectConf {
                question,
                into: into.to_owned(),
                min: 1,
                max: 4,
                end: Some('#'),
                allowed: Vec::new(),
                then: to(then),
                otherwise: to("echo"),
            }))
        };
        let looks_up = |url: &str, post: Option<&str>| {
            let url = url.parse().expect("an address");
            let server = ServerConf { url, token: None, limit: std::time::Duration::from_secs(1) };
            let post = post.map(|field| vec![field.to_owned()]);
            let (meanwhile, fields) = (None, Vec::new());
            StepConf::LookUp(Arc::new(LookUpConf {
                server,
                post,
                meanwhile,
                fields,
                then: to("echo"),
                otherwise: to("echo"),
            }))
        };
        let untold = |step: &str, field: &str| {
            let [step, field, masked] = [step, field, "main"].map(str::to_owned);
            Finding::Untold { step, field, masked }
        };
        let ask = "https://crm.example/{card}?n={caller}";
        let card = |mask| collects("card", mask, "menu:ask");
        assert_eq!(findings(&[("main", card(true)), ("ask", looks_up(ask, None))]), [untold("ask", "card")]);
        let posts = looks_up("https://crm.example", Some("card"));
        assert_eq!(findings(&[("main", card(true)), ("ask", posts)]), [untold("ask", "card")]);
        assert_eq!(findings(&[("main", card(false)), ("ask", looks_up(ask, None))]), []);
        let openly =
            [("main", card(true)), ("ask", looks_up(ask, None)), ("more", collects("card", false, "menu:ask"))];
        assert_eq!(findings(&openly), [Finding::Unreached("more".to_owned())]);
    }

    #[test]
    fn the_picture_has_every_way() {
        let steps = [("main", asks(&[('1', "queue:sales")], "menu:bye")), ("bye", says(None))];
        let graph = Graph::of(steps.iter().map(|(name, step)| (*name, step)));
        let picture = graph.mermaid([("100".to_owned(), "main")]);
        for line in [
            "s_main{{\"main\"}}",
            "s_from_20100([\"100\"]) --> s_main",
            "s_main -- \"1\" --> s_queue_3asales([\"queue:sales\"])",
            "s_main -- \"otherwise\" --> s_bye",
            "s_bye -- \"then\" --> end([\"hang up\"])",
        ] {
            assert!(picture.contains(line), "{line} is not in\n{picture}");
        }
    }
}
