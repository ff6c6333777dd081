//! The conf folder, read whole and checked whole: either every name leads somewhere, or each that does not is told with
//! file, line, column and remedy.
//!
//! Where it stands: `main` reads it once; each room gets its own checked part. It knows the files; the rooms do not.

mod advertise;
mod api;
mod conferences;
mod features;
mod file;
mod forward;
mod hours;
mod limits;
mod mail;
mod menus;
mod music;
mod names;
mod ogg_opus;
mod park;
mod people;
mod problem;
mod prompts;
mod queues;
mod record;
mod recording;
mod retention;
mod routes;
mod secrets;
mod siprec;
mod sound_file;
mod speech;
mod storage;
mod switch_file;
#[cfg(test)]
mod tests;
mod trunk_tables;
mod trunks;
mod voicemail;
mod watch;
mod web_steps;
mod words;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acd::{AcdConf, AgentConf, AgentName};
use audio::{Music, Sound};
use base::Random;
use call::FeatureConf;
use flow::{FlowConf, PersonConf, QueueConf, RecordConf, Spellings};
use presence::{Rights, Watchers};
use route::{Destination, Routes};
use sip::digest::Ha1;

use crate::shell::Speaker;

pub use advertise::Advertised;
pub use api::{ApiConf, Client};
pub use features::FeaturesTable;
pub use limits::{NightLimits, PersonLimits};
pub use mail::{MailConf, MailServer, MailTls};
pub use park::ParkTable;
pub use people::Person;
pub use problem::{Problem, Problems};
pub use recording::{MaskSound, OnFailure, RecordingConf};
pub use siprec::SiprecConf;
pub use speech::SpeechConf;
pub use storage::StorageConf;
pub use switch_file::{ConnectionLimits, MediaNet, SwitchConf};
pub use trunks::{CallsBy, TlsTrust, Trunk};
pub use watch::WatchConf;

use conferences::ConferencesFile;
use features::Who;
use file::{File, Source};
use names::Names;
use secrets::Secrets;
use voicemail::VoicemailFile;

/// Everything the conf folder says, checked.
#[derive(Debug)]
pub struct Conf {
    /// The folder.
    pub folder: PathBuf,
    /// What the command line said instead.
    pub overrides: Overrides,
    /// Addresses, ports, folders.
    pub switch: SwitchConf,
    /// How long recordings are kept.
    pub retention: recorder::Retention,
    /// People by account.
    pub people: Arc<HashMap<Arc<str>, Person>>,
    /// The passwords that people.toml has. Of them nothing but digests outlives the conf.
    pub passwords: HashMap<Arc<str>, String>,
    /// Trunks by name.
    pub trunks: HashMap<String, Trunk>,
    /// Several trunks as one.
    pub trunk_groups: Vec<trunk::GroupConf>,
    /// Where numbers go.
    pub routes: Routes,
    /// What programs need.
    pub flow: Arc<FlowConf>,
    /// Where messages of voicemail are sent.
    pub mail: Arc<MailConf>,
    /// Queues and agents.
    pub acd: AcdConf,
    /// What a party hears whom the other has put on hold.
    pub hold_music: Music,
    /// What keys do during a call.
    pub features: FeatureConf,
    /// What lets each person's phones in. Complete once [`Conf::make_passwords`] was called.
    pub ha1: HashMap<String, Ha1>,
    secrets: Secrets,
}

/// What the command line says instead of switch.toml.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Where recordings go.
    pub recordings: Option<PathBuf>,
    /// Where CDRs go.
    pub journal: Option<PathBuf>,
    /// How many media threads there are.
    pub media_threads: Option<usize>,
}

impl Conf {
    /// Reads and checks the folder.
    pub fn load(folder: &Path) -> Result<Conf, Problems> {
        if !folder.is_dir() {
            let what = "is no folder; name the one that holds switch.toml with --conf";
            return Err(Problems(vec![Problem::of_file(folder, what)]));
        }
        let sources =
            ["switch", "people", "trunks", "routes", "menus", "queues", "texts", "voicemail", "conferences", "api"]
                .map(|name| Source::read(folder, &format!("{name}.toml")));
        let mut files = sources.each_ref().map(Source::file);
        let [
            switch_file,
            people_file,
            trunks_file,
            routes_file,
            menus_file,
            queues_file,
            texts_file,
            mail_file,
            rooms_file,
            api_file,
        ] = &mut files;

        let switch = SwitchConf { api: api::read(api_file, folder), ..switch_file::read(switch_file, folder) };
        let people::Read { people, passwords, named, destinations: forwards } = people::read(people_file);
        let trunks::Read { trunks, groups: trunk_groups } =
            trunks::read(trunks_file, !switch.listen_tls_trunks.is_empty());
        let trunks: HashMap<String, Trunk> = trunks.into_iter().map(|trunk| (trunk.conf.name.clone(), trunk)).collect();
        let read = routes::read(routes_file, folder);
        let menus = menus::read(menus_file);
        let queues = queues::read(queues_file);

        let rooms: ConferencesFile = rooms_file.whole().unwrap_or_default();
        let texts = speech::texts(texts_file, switch.speech.language);
        let mut names = Names {
            people: &people,
            trunks: &trunks,
            trunk_groups: &trunk_groups,
            groups: read.groups.keys().collect(),
            menus: menus.iter().map(|menu| menu.name.clone()).collect(),
            queues: queues.queues.iter().map(|queue| queue.acd.name.as_str()).collect(),
            conferences: rooms.room.keys().map(|name| name.get_ref().clone()).collect(),
            skills: &queues.skills,
            hours: &read.hours,
            pauses: !queues.pauses.is_empty(),
            dispositions: !queues.dispositions.is_empty(),
            reader: prompts::Reader::new(folder, &switch.speech, &texts),
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
        for (destination, span) in &forwards {
            names.check(people_file, destination, span);
        }
        for (person, span) in &named {
            names.check(people_file, &Destination::Person(person.clone()), span);
        }
        switch.limits.check(switch_file, &names);
        let limited = people.values().filter_map(|person| person.limits.as_deref());
        limited.for_each(|limits| limits.check(people_file, &names));
        let menus = menus::steps(menus_file, &mut names, menus).into_iter().collect();
        let hold_music = match &switch.hold_music {
            Some(said) => names.music(switch_file, said),
            None => audio::music().into(),
        };
        let park = switch.park.checked(switch_file, &mut names, &hold_music);
        let said = &switch.features;
        let ready = said.prompt.as_ref().map(|name| names.sound(switch_file, name));
        let users = match said.who {
            Who::People => people.keys().cloned().collect(),
            Who::Agents => acd_conf(&queues).agents.iter().map(|agent| agent.name.to_string().into()).collect(),
        };
        let features =
            FeatureConf { dispositions: queues.dispositions.clone(), ..said.read(switch_file, users, ready) };
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
        let retention = switch.retention.checked(switch_file, &mut names);
        let rules = record::rules(switch_file, &mut names, &switch);
        if let Some(storage) = &switch.storage {
            storage.check(switch_file);
        }
        if let Some(siprec) = &switch.siprec {
            siprec.check(switch_file, &mut names, &rules);
        }
        let recorded = queues.queues.iter().filter(|queue| queue.record).map(|queue| queue.acd.name.to_string());
        let everybody = people.values().filter(|person| person.record).map(|person| person.account.to_string());
        let destinations = recorded.map(Destination::Queue).chain(everybody.map(Destination::Person));
        let destinations = destinations.chain(read.recorded.into_iter().map(Destination::Group));
        let record = RecordConf { rules, at: destinations.map(|destination| destination.to_string()).collect() };
        let voicemail: VoicemailFile = mail_file.whole().unwrap_or_default();
        let (voicemail, mail) = voicemail.checked(mail_file, &mut names);
        let (voicemail, mail) = (Arc::new(voicemail), Arc::new(mail));
        let conferences = rooms.checked(rooms_file, &mut names, &hold_music);
        let prompts = std::mem::take(&mut names.prompts);
        switch.speech.speaker.iter().for_each(Speaker::sweep);

        let mut problems: Vec<Problem> = files.into_iter().flat_map(File::into_problems).collect();
        let secrets = Secrets::read(folder, &switch.realm).unwrap_or_else(|problem| {
            problems.push(problem);
            Secrets::default()
        });
        if !problems.is_empty() {
            return Err(Problems(problems));
        }

        let person_flow = |person: &Person| PersonConf { ring: person.ring, forward: person.forward.clone() };
        let acd = acd_conf(&queues);
        let extension = |person: &Person| Some((person.number.clone()?, person.account.clone()));
        let named = people.values().filter_map(|person| Some((person.account.clone(), person.name.as_deref()?)));
        let spellings = Arc::new(Spellings::of(named));
        let extensions = people.values().filter_map(extension);
        let flow = FlowConf {
            conferences,
            queues: checked_queues,
            agents: acd.agents.iter().map(|agent| agent.name.clone()).collect(),
            ready_melody: Sound::from_pcm(audio::melody(&[(660.0, 150), (880.0, 250)], MELODY_DBFS)),
            away_melody: Sound::from_pcm(audio::melody(&[(880.0, 150), (660.0, 250)], MELODY_DBFS)),
            people: people.values().map(|person| (person.account.to_string(), person_flow(person))).collect(),
            groups: read.groups,
            menus,
            extensions: Arc::new(extensions.collect()),
            spellings,
            prompts,
            tone: Sound::from_pcm(audio::tone(&[(1004.0, TEST_TONE_DBFS)], 1000)),
            pauses: queues.pauses,
            dispositions: queues.dispositions,
            trunk_ring: TRUNK_RING,
            park,
            record,
            voicemail,
        };
        let mut by_number = HashMap::new();
        for person in people.values() {
            by_number.insert(person.account.clone(), person.account.clone());
            by_number.extend(person.number.iter().map(|number| (number.clone(), person.account.clone())));
        }
        let made = people.keys().filter_map(|account| Some((account.to_string(), secrets.ha1(account)?)));
        let written = passwords.iter().map(|(account, password)| (account, Ha1::of(account, &switch.realm, password)));
        let ha1 = made.chain(written.map(|(account, ha1)| (account.to_string(), ha1))).collect();
        let routes = Routes { routes: read.routes, people: Arc::new(by_number), hours: read.hours };
        Ok(Conf {
            folder: folder.to_owned(),
            overrides: Overrides::default(),
            switch,
            retention,
            people: Arc::new(people),
            passwords,
            trunks,
            trunk_groups,
            routes,
            flow: Arc::new(flow),
            mail,
            acd,
            hold_music,
            features,
            ha1,
            secrets,
        })
    }

    /// Lets the command line have its way.
    pub fn override_by(&mut self, overrides: Overrides) {
        let said = |named: &Option<PathBuf>, conf: &mut PathBuf| named.iter().for_each(|folder| *conf = folder.clone());
        said(&overrides.recordings, &mut self.switch.recording.folder);
        said(&overrides.journal, &mut self.switch.journal);
        self.switch.media_threads = overrides.media_threads.unwrap_or(self.switch.media_threads);
        self.overrides = overrides;
    }

    /// Who may watch whom.
    pub fn rights(&self) -> Rights {
        let own = |person: &Person| Some((person.account.to_string(), Watchers::clone(person.watchers.as_ref()?)));
        Rights { usual: self.switch.watch.watchers.clone(), people: self.people.values().filter_map(own).collect() }
    }

    /// Makes passwords for all people that have none yet, and keeps their digests. Returns account and password of each,
    /// to be shown once: nobody can read them again.
    pub fn make_passwords(&mut self, random: &mut Random) -> io::Result<Vec<(String, String)>> {
        let mut without: Vec<String> = self.people.keys().map(|account| account.to_string()).collect();
        without.retain(|account| !self.ha1.contains_key(account));
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
