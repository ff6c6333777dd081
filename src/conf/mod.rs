//! The conf folder, read whole and checked whole: either every name leads somewhere, or each that does not is told with
//! file, line, column and remedy.
//!
//! Where it stands: `main` reads it once; each room gets its own checked part. It knows the files; the rooms do not.

mod features;
mod file;
mod hours;
mod menus;
mod people;
mod problem;
mod prompts;
mod queues;
mod recording;
mod routes;
mod secrets;
mod switch_file;
#[cfg(test)]
mod tests;
mod trunk_tables;
mod trunks;
mod watch;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use acd::{AcdConf, AgentConf, AgentName};
use audio::Sound;
use base::Random;
use call::FeatureConf;
use flow::{FlowConf, MenuConf, PersonConf, QueueConf};
use presence::Rights;
use route::{Destination, Hours, Routes};
use sip::digest::Ha1;

pub use features::FeaturesTable;
pub use people::Person;
pub use problem::{Problem, Problems};
pub use recording::{OnFailure, RecordingConf};
pub use switch_file::{ConnectionLimits, SwitchConf};
pub use trunks::{TlsTrust, Trunk};
pub use watch::WatchConf;

use features::Who;
use file::{File, Source};
use secrets::Secrets;

/// Everything the conf folder says, checked.
#[derive(Debug)]
pub struct Conf {
    /// The folder.
    pub folder: PathBuf,
    /// What the command line said of other folders.
    pub folders: Folders,
    /// Addresses, ports, folders.
    pub switch: SwitchConf,
    /// People by account.
    pub people: HashMap<String, Person>,
    /// Trunks by name.
    pub trunks: HashMap<String, Trunk>,
    /// Several trunks as one.
    pub trunk_groups: Vec<trunk::GroupConf>,
    /// Where numbers go.
    pub routes: Routes,
    /// What programs need.
    pub flow: FlowConf,
    /// Queues and agents.
    pub acd: AcdConf,
    /// What a party hears whom the other has put on hold.
    pub hold_music: Sound,
    /// What keys do during a call.
    pub features: FeatureConf,
    /// What lets each person's phones in. Complete once [`Conf::make_passwords`] was called.
    pub ha1: HashMap<String, Ha1>,
    secrets: Secrets,
}

/// Folders named on the command line, instead of what switch.toml says.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// Where recordings go.
    pub recordings: Option<PathBuf>,
    /// Where CDRs go.
    pub journal: Option<PathBuf>,
}

impl Conf {
    /// Reads and checks the folder.
    pub fn load(folder: &Path) -> Result<Conf, Problems> {
        if !folder.is_dir() {
            let what = "is no folder; name the one that holds switch.toml with --conf";
            return Err(Problems(vec![Problem::of_file(folder, what)]));
        }
        let [switch, people, trunks, routes, menus, queues] =
            ["switch.toml", "people.toml", "trunks.toml", "routes.toml", "menus.toml", "queues.toml"]
                .map(|name| Source::read(folder, name));
        let mut files = [switch.file(), people.file(), trunks.file(), routes.file(), menus.file(), queues.file()];
        let [switch_file, people_file, trunks_file, routes_file, menus_file, queues_file] = &mut files;

        let switch = switch_file::read(switch_file);
        let (people, watchers) = people::read(people_file);
        let people: HashMap<String, Person> =
            people.into_iter().map(|person| (person.account.clone(), person)).collect();
        let trunks::Read { trunks, groups: trunk_groups } = trunks::read(trunks_file);
        let trunks: HashMap<String, Trunk> = trunks.into_iter().map(|trunk| (trunk.conf.name.clone(), trunk)).collect();
        let read = routes::read(routes_file, folder);
        let menus = menus::read(menus_file);
        let queues = queues::read(queues_file);

        let mut names = Names {
            folder,
            people: &people,
            trunks: &trunks,
            trunk_groups: &trunk_groups,
            groups: read.groups.keys().collect(),
            menus: menus.iter().map(|menu| &menu.name).collect(),
            queues: queues.queues.iter().map(|queue| queue.acd.name.as_str()).collect(),
            hours: &read.hours,
            prompts: HashMap::new(),
        };
        for (destination, span) in &read.destinations {
            names.check(routes_file, destination, span);
        }
        for (caller, span) in &read.callers {
            names.check_caller(routes_file, caller, span);
        }
        for (person, span) in &read.members {
            names.check(routes_file, &Destination::Person(person.clone()), span);
        }
        for (person, span) in &watchers {
            names.check(people_file, &Destination::Person(person.clone()), span);
        }
        let mut checked_menus = HashMap::new();
        for menu in &menus {
            names.check(menus_file, &menu.otherwise.0, &menu.otherwise.1);
            for (_, destination, span) in &menu.keys {
                names.check(menus_file, destination, span);
            }
            let greeting = names.prompt(menus_file, menu.greeting.get_ref(), &menu.greeting.span());
            checked_menus.insert(
                menu.name.clone(),
                MenuConf {
                    greeting,
                    patience: menu.patience,
                    tries: menu.tries,
                    keys: menu.keys.iter().map(|(key, to, _)| (*key, to.clone())).collect(),
                    otherwise: menu.otherwise.0.clone(),
                },
            );
        }
        let hold_music = match &switch.hold_music {
            Some(name) => names.prompt(switch_file, name.get_ref(), &name.span()),
            None => audio::music(),
        };
        let said = &switch.features;
        let ready = said.prompt.as_ref().map(|name| names.prompt(switch_file, name.get_ref(), &name.span()));
        let users = match said.who {
            Who::People => people.keys().cloned().collect(),
            Who::Agents => acd_conf(&queues).agents.iter().map(|agent| agent.name.to_string()).collect(),
        };
        let features = said.read(switch_file, users, ready);
        for (destination, span) in &queues.destinations {
            names.check(queues_file, destination, span);
        }
        for (person, span) in &queues.people {
            names.check(queues_file, &Destination::Person(person.clone()), span);
        }
        let checked_queues: HashMap<String, QueueConf> = queues
            .queues
            .iter()
            .map(|queue| (queue.acd.name.to_string(), names.queue(queues_file, queue, &hold_music)))
            .collect();
        let prompts = std::mem::take(&mut names.prompts);

        let mut problems: Vec<Problem> = files.into_iter().flat_map(File::into_problems).collect();
        let secrets = Secrets::read(folder, &switch.realm).unwrap_or_else(|problem| {
            problems.push(problem);
            Secrets::default()
        });
        if !problems.is_empty() {
            return Err(Problems(problems));
        }

        let person_flow = |person: &Person| PersonConf { ring: person.ring, record: person.record };
        let acd = acd_conf(&queues);
        let flow = FlowConf {
            queues: checked_queues,
            agents: acd.agents.iter().map(|agent| agent.name.clone()).collect(),
            ready_melody: Sound::from_pcm(audio::melody(&[(660.0, 150), (880.0, 250)], MELODY_DBFS)),
            away_melody: Sound::from_pcm(audio::melody(&[(880.0, 150), (660.0, 250)], MELODY_DBFS)),
            people: people.values().map(|person| (person.account.clone(), person_flow(person))).collect(),
            groups: read.groups,
            menus: checked_menus,
            prompts,
            tone: Sound::from_pcm(audio::tone(&[(1004.0, TEST_TONE_DBFS)], 1000)),
            trunk_ring: TRUNK_RING,
        };
        let mut by_number = HashMap::new();
        for person in people.values() {
            by_number.insert(person.account.clone(), person.account.clone());
            by_number.extend(person.number.iter().map(|number| (number.clone(), person.account.clone())));
        }
        let ha1 = |person: &Person| Some((person.account.clone(), secrets.ha1(person, &switch.realm)?));
        let ha1 = people.values().filter_map(ha1).collect();
        let routes = Routes { routes: read.routes, people: by_number, hours: read.hours };
        Ok(Conf {
            folder: folder.to_owned(),
            folders: Folders::default(),
            switch,
            people,
            trunks,
            trunk_groups,
            routes,
            flow,
            acd,
            hold_music,
            features,
            ha1,
            secrets,
        })
    }

    /// Puts recordings and CDRs elsewhere than switch.toml says, as the command line may.
    pub fn place(&mut self, folders: Folders) {
        let said = |named: &Option<PathBuf>, conf: &mut PathBuf| named.iter().for_each(|folder| *conf = folder.clone());
        said(&folders.recordings, &mut self.switch.recording.folder);
        said(&folders.journal, &mut self.switch.journal);
        self.folders = folders;
    }

    /// Who may watch whom.
    pub fn rights(&self) -> Rights {
        let own = |person: &Person| Some((person.account.clone(), person.watchers.clone()?));
        Rights { usual: self.switch.watch.watchers.clone(), people: self.people.values().filter_map(own).collect() }
    }

    /// Makes passwords for all people that have none yet, and keeps their digests. Returns account and password of each,
    /// to be shown once: nobody can read them again.
    pub fn make_passwords(&mut self, random: &mut Random) -> io::Result<Vec<(String, String)>> {
        let mut without: Vec<String> =
            self.people.keys().filter(|account| !self.ha1.contains_key(*account)).cloned().collect();
        without.sort();
        let mut made = Vec::new();
        for account in without {
            let (password, ha1) = self.secrets.make(&account, &self.switch.realm, random);
            self.ha1.insert(account.clone(), ha1);
            made.push((account, password));
        }
        if !made.is_empty() {
            self.secrets.write(&self.folder)?;
        }
        Ok(made)
    }
}

/// How long a call through a trunk may ring.
const TRUNK_RING: Duration = Duration::from_secs(120);
/// What agents hear when they log in and out.
const MELODY_DBFS: f64 = -20.0;

/// Everybody who serves a queue is an agent; a table of his own says what he can do.
fn acd_conf(read: &queues::Read) -> AcdConf {
    let serve = read.queues.iter().flat_map(|queue| &queue.acd.members).map(|member| &member.agent);
    let mut names: Vec<&AgentName> = serve.collect::<HashSet<_>>().into_iter().collect();
    names.sort();
    let skills = |name: &AgentName| read.skills.get(name).cloned().unwrap_or_default();
    AcdConf {
        agents: names.into_iter().map(|name| AgentConf { name: name.clone(), skills: skills(name) }).collect(),
        queues: read.queues.iter().map(|queue| queue.acd.clone()).collect(),
    }
}

/// −10 dBm0, where full scale is +3.14 dBm0 (G.711).
const TEST_TONE_DBFS: f64 = -13.14;

/// The names that lead somewhere.
struct Names<'a> {
    folder: &'a Path,
    people: &'a HashMap<String, Person>,
    trunks: &'a HashMap<String, Trunk>,
    trunk_groups: &'a [trunk::GroupConf],
    groups: Vec<&'a String>,
    menus: Vec<&'a String>,
    queues: Vec<&'a str>,
    hours: &'a BTreeMap<String, Hours>,
    prompts: HashMap<String, Sound>,
}

impl Names<'_> {
    fn check(&mut self, file: &mut File<'_>, destination: &Destination, span: &Range<usize>) {
        let missing = match destination {
            Destination::Person(name) if !self.people.contains_key(name) => {
                format!("there is no person {name:?}; add [{name}] to people.toml")
            }
            Destination::Group(name) if !self.groups.contains(&name) => {
                format!("there is no group {name:?}; add [group.{name}] to routes.toml")
            }
            Destination::Menu(name) if !self.menus.contains(&name) => {
                format!("there is no menu {name:?}; add [{name}] to menus.toml")
            }
            Destination::Queue(name) if !self.queues.contains(&name.as_str()) => {
                format!("there is no queue {name:?}; add [queue.{name}] to queues.toml")
            }
            Destination::Hours { hours, .. } if !self.hours.contains_key(hours) => {
                format!("there are no hours {hours:?}; add [hours.{hours}] to routes.toml")
            }
            Destination::Trunk(name) if !self.leads_out(name) => {
                format!("there is no trunk {name:?}; add [{name}] to trunks.toml")
            }
            Destination::Play(name) => {
                self.prompt(file, name, span);
                return;
            }
            _ => return,
        };
        file.problem(span.clone(), missing);
    }

    fn check_caller(&mut self, file: &mut File<'_>, caller: &route::From, span: &Range<usize>) {
        match caller {
            route::From::Person(name) => self.check(file, &Destination::Person(name.clone()), span),
            route::From::Trunk(name) if self.trunk_groups.iter().any(|group| group.name == *name) => {
                file.problem(
                    span.clone(),
                    format!("{name} is a group of trunks; calls come by one of its trunks: name that"),
                );
            }
            route::From::Trunk(name) => self.check(file, &Destination::Trunk(name.clone()), span),
        }
    }

    /// Is it a trunk, or a group of them?
    fn leads_out(&self, name: &str) -> bool {
        self.trunks.contains_key(name) || self.trunk_groups.iter().any(|group| group.name == name)
    }

    /// What a queue's callers meet. Music and announcement become one sound that is played again and again, so neither
    /// ever keeps a caller from the agent who answers.
    fn queue(&mut self, file: &mut File<'_>, queue: &queues::Queue, hold_music: &Sound) -> QueueConf {
        let music = match &queue.music {
            Some(name) => self.prompt(file, name.get_ref(), &name.span()),
            None => hold_music.clone(),
        };
        let hold = match &queue.announce {
            Some(name) => {
                let announcement = self.prompt(file, name.get_ref(), &name.span());
                let between = queue.announce_every.as_secs() as usize * audio::SAMPLE_RATE as usize;
                let music = music.pcm().iter().cycle().take(between);
                Sound::from_pcm(music.chain(announcement.pcm()).copied().collect())
            }
            None => music,
        };
        QueueConf {
            name: queue.acd.name.clone(),
            hold,
            priority: queue.priority,
            keys: queue.keys.clone(),
            overflow: queue.overflow.clone(),
            record: queue.record,
        }
    }

    /// The prompt of that name; silence, and a problem, where there is none.
    fn prompt(&mut self, file: &mut File<'_>, name: &str, span: &Range<usize>) -> Sound {
        if let Some(sound) = self.prompts.get(name) {
            return sound.clone();
        }
        let sound = prompts::read(self.folder, name).unwrap_or_else(|what| {
            file.problem(span.clone(), what);
            Sound::from_pcm(audio::silence(20))
        });
        self.prompts.insert(name.to_owned(), sound.clone());
        sound
    }
}
