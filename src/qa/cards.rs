//! `centrala qa cards` and `card`, and the folder they lie in.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use qa::Card;
use serde::Deserialize;

use crate::Failure;
use crate::remote::print_table;

/// Where cards lie.
#[derive(Args)]
pub struct Cards {
    /// The folder with a file for every card
    #[arg(long, value_name = "FOLDER", default_value = "conf/qa", env = "CENTRALA_QA")]
    cards: PathBuf,
}

#[derive(Args)]
pub struct CardsArgs {
    #[command(flatten)]
    cards: Cards,
}

#[derive(Args)]
pub struct CardArgs {
    #[command(flatten)]
    cards: Cards,
    /// The card: its file's name without .toml
    name: String,
}

/// `teams.toml`: who is in which team.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Teams {
    #[serde(default)]
    teams: BTreeMap<String, Vec<String>>,
}

impl Cards {
    /// The card of this name.
    pub fn read(&self, name: &str) -> Result<Card, Failure> {
        if name.is_empty() || !name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')) {
            return Err(format!("{name:?} is no card's name: letters, digits and dashes").into());
        }
        let path = self.cards.join(format!("{name}.toml"));
        let text = fs::read_to_string(&path).map_err(|why| {
            format!("there is no card {name}: {}: {why}; `centrala qa cards` lists them", path.display())
        })?;
        Card::parse(&text).map_err(|why| format!("{}: {why}", path.display()).into())
    }

    /// The names of all cards.
    fn names(&self) -> Result<Vec<String>, Failure> {
        let entries = fs::read_dir(&self.cards)
            .map_err(|why| format!("{}: {why}; name the cards' folder with --cards", self.cards.display()))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".toml")).map(str::to_owned));
        }
        names.retain(|name| format!("{name}.toml") != TEAMS);
        names.sort();
        Ok(names)
    }

    /// Each agent's team; nobody's where there is no `teams.toml`.
    pub fn teams(&self) -> Result<BTreeMap<String, String>, Failure> {
        let path = self.cards.join(TEAMS);
        let text = match fs::read_to_string(&path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|why| format!("{}: {why}", path.display()))?,
        };
        let Teams { teams } = toml::from_str(&text).map_err(|why| format!("{}: {why}", path.display()))?;
        let mut team_of = BTreeMap::new();
        for (team, agents) in teams {
            for agent in agents {
                if let Some(other) = team_of.insert(agent.clone(), team.clone()) {
                    let two = format!("{}: {agent} is in the teams {other} and {team}; leave one", path.display());
                    return Err(two.into());
                }
            }
        }
        Ok(team_of)
    }
}

impl CardsArgs {
    pub fn run(self) -> Result<(), Failure> {
        let (mut lines, mut wrong) = (Vec::new(), Vec::new());
        for name in self.cards.names()? {
            match self.cards.read(&name) {
                Ok(card) => {
                    let points: u32 = card.items().map(|(_, item)| item.points).sum();
                    let what =
                        format!("{} items, {points} points, passed from {} %", card.items().count(), card.pass_percent);
                    lines.push(vec![name, what, card.title]);
                }
                Err(why) => wrong.push(why.to_string()),
            }
        }
        self.cards.teams().err().into_iter().for_each(|why| wrong.push(why.to_string()));
        print_table(&lines);
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("\n").into()),
        }
    }
}

impl CardArgs {
    pub fn run(self) -> Result<(), Failure> {
        let card = self.cards.read(&self.name)?;
        println!(
            "# {}. Give points to each item, or \"n/a\" where that is said; {{ points = 2, note = \"why\" }} tells why.",
            card.title
        );
        println!("# centrala qa score ID --card {} --answers THIS-FILE\n\n[items]", self.name);
        let mut section = "";
        for (within, item) in card.items() {
            if within.title != section {
                println!("# {}", within.title.replace(char::is_control, " "));
                section = &within.title;
            }
            let critical = if item.critical { ", critical" } else { "" };
            let skippable = if item.skippable { ", or \"n/a\"" } else { "" };
            println!(
                "# {} =     # 0 to {}{skippable}{critical}: {}",
                item.id,
                item.points,
                item.ask.replace(char::is_control, " ")
            );
        }
        println!("\n# [[note]]\n# at = \"1:23\"\n# text = \"what was there\"");
        Ok(())
    }
}

const TEAMS: &str = "teams.toml";
