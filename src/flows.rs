//! `centrala flow`: what in the menus cannot be meant, their picture, a walk through them, and where a caller came by.

mod trace;
mod walk;

use std::path::PathBuf;

use centrala::conf::Conf;
use clap::{Args, Subcommand};
use flow::Graph;
use route::Destination;
use serde_json::json;
use spoken::{Kind, Language, slug};

use crate::{Failure, load};

#[derive(Subcommand)]
pub enum Command {
    /// Find what in the menus cannot be meant: steps nothing leads to, circles, and no way out
    Check {
        #[command(flatten)]
        of: Of,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List the words numbers, dates and amounts are said with, and the recordings they go by (prompts/say-WORD.wav, or
    /// prompts/LANGUAGE/say-WORD.wav)
    Words {
        /// What is said: number, minutes, date, time, euros …
        kind: Kind,
        /// In which language: hr, en, fr, de or es
        #[arg(value_parser = language)]
        language: Language,
    },
    /// Draw the menus, for Mermaid (put it into any Markdown page, or https://mermaid.live)
    Draw {
        #[command(flatten)]
        of: Of,
    },
    /// Walk the menus in the terminal: type keys, see what is said and where they lead. No phone, no waiting
    Try(walk::TryArgs),
    /// Say where a caller came by, when, and for how long: menus, queues, people. Read off the journal
    Trace(trace::TraceArgs),
}

#[derive(Args)]
pub struct Of {
    /// The folder that holds switch.toml
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
}

impl Command {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Command::Check { of, json } => {
                let conf = load(&of.conf)?;
                let findings = graph(&conf).findings(entries(&conf).iter().map(|(_, step)| *step));
                for finding in &findings {
                    match json {
                        true => println!("{}", json!({ "finding": finding.to_string() })),
                        false => println!("{finding}"),
                    }
                }
                match (findings.len(), json) {
                    (0, true) => Ok(()),
                    (0, false) => {
                        println!("{} steps; nothing to find fault with", conf.flow.menus.len());
                        Ok(())
                    }
                    (count, _) => Err(format!("{count} finding(s) in {}/menus.toml", of.conf.display()).into()),
                }
            }
            Command::Words { kind, language } => {
                let words = kind.pieces(language).into_iter();
                let lines: Vec<_> =
                    words.map(|word| vec![format!("say-{}.wav", slug(word)), word.to_owned()]).collect();
                crate::remote::print_table(&lines);
                Ok(())
            }
            Command::Draw { of } => {
                let conf = load(&of.conf)?;
                print!("{}", graph(&conf).mermaid(entries(&conf)));
                Ok(())
            }
            Command::Try(args) => args.run(),
            Command::Trace(args) => args.run(),
        }
    }
}

fn language(text: &str) -> Result<Language, String> {
    Language::of(text).ok_or_else(|| format!("write one of {}", Language::ALL.map(Language::tag).join(", ")))
}

fn graph(conf: &Conf) -> Graph<'_> {
    Graph::of(conf.flow.menus.iter().map(|(name, step)| (name.as_str(), step)))
}

/// What leads into the menus from outside, and to which step.
fn entries(conf: &Conf) -> Vec<(String, &str)> {
    let routes = conf.routes.routes.iter().flat_map(|route| {
        let shares = route.split.iter().map(|share| &share.to);
        shares.chain([&route.to]).map(|to| (route.number.to_string(), to))
    });
    let queues = conf.flow.queues.values().flat_map(|queue| {
        let ways = &queue.overflow;
        let ways = [&ways.full, &ways.long_wait, &ways.empty, &ways.unstaffed, &ways.timeout, &ways.closed];
        let out = ways.into_iter().flatten().chain(queue.keys.values()).chain(&queue.survey);
        out.map(|to| (format!("queue:{}", queue.name), to))
    });
    let mut entries: Vec<_> = routes.chain(queues).filter_map(|(from, to)| Some((from, step(to)?))).collect();
    entries.sort();
    entries.dedup();
    entries
}

fn step(to: &Destination) -> Option<&str> {
    match to {
        Destination::Menu(step) => Some(step),
        _ => None,
    }
}
