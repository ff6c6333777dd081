//! Commands for a running switch: they ask at its socket and print what they hear.

mod conferences;
mod duty;
mod live;

use std::path::PathBuf;

use centrala::shell::{Request, SOCKET, SupervisionOrder, ask};
use centrala::status::{BanStatus, HoursStatus, MailboxStatus, PhoneStatus, SubscriptionStatus, VoicemailStatus};
use centrala::trace::Said;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use trunk::TrunkStatus;

use conferences::ConferencesArgs;
use duty::{AgentsArgs, QueuesArgs};
use live::LiveArgs;

use crate::ladder::{self, Pcap};
use crate::{Failure, show_passwords};

#[derive(Subcommand)]
pub enum Command {
    /// List the calls under way
    Calls(LiveArgs),
    /// List the queues: who waits, who is there; or change one
    Queues(QueuesArgs),
    /// List the agents and what they are about; or send one to work, into a pause, or home
    Agents(AgentsArgs),
    /// List who is in which conference; mute, put out, lock, record, or end one
    Conferences(ConferencesArgs),
    /// List the registered phones
    Phones(ListArgs),
    /// List who is kept out after too many wrong passwords
    Bans(ListArgs),
    /// End the bans of an account or an address
    Unban {
        #[command(flatten)]
        switch: Switch,
        /// An account's name, or an IP address
        who: String,
    },
    /// List who watches what: lamps, presence, message lights
    Subscriptions(ListArgs),
    /// The messages left for people
    #[command(subcommand)]
    Voicemail(VoicemailCommand),
    /// List what waits in mailboxes, or say how many messages wait for somebody
    Mwi(MwiArgs),
    /// List the opening hours; open or close by hand, or leave it to the clock again
    Hours(HoursArgs),
    /// Ring a person, and bring whoever answers there to a number, as if he had dialled it: click-to-call
    Dial(DialArgs),
    /// Ring a supervisor, who then hears an agent, call after call, until he hangs up; his keys choose how, as by phone
    Supervise(SuperviseArgs),
    /// List what people want of the calls to them (not to be disturbed, calls to go elsewhere); or say it for somebody
    Wishes(WishesArgs),
    /// List the trunks: are they up, are we registered, how many calls; or take one out of use and into it again
    Trunks(TrunksArgs),
    /// Print what Prometheus reads
    Metrics(Switch),
    /// Show the SIP messages of a call or a user, as a ladder
    Trace(TraceArgs),
    /// Read the conf again and apply all of it, or nothing if there is an error; no call is harmed
    Reload(Switch),
    /// Take no new calls, let those that stand finish, then end
    Drain {
        #[command(flatten)]
        switch: Switch,
        /// End the calls that still stand after so many seconds
        #[arg(long, value_name = "SECS")]
        limit: Option<u64>,
    },
}

#[derive(Args)]
pub struct Switch {
    /// The switch's socket, or the journal folder it is in
    #[arg(long, default_value = "journal", env = "CENTRALA_SOCKET")]
    socket: PathBuf,
}

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    switch: Switch,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub enum VoicemailCommand {
    /// List them: for whom, new or heard, by whom, when, how long, and the recording
    List(ListArgs),
}

#[derive(Args)]
pub struct MwiArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Whose: an account's name or its number; without, all are listed
    #[arg(requires = "new")]
    who: Option<String>,
    /// How many messages nobody has heard
    new: Option<u32>,
    /// How many were heard and kept
    #[arg(default_value_t = 0)]
    old: u32,
}

#[derive(Args)]
pub struct HoursArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Which hours of routes.toml; without, all are listed
    #[arg(requires = "by")]
    hours: Option<String>,
    /// What they are from now
    #[arg(value_enum)]
    by: Option<By>,
}

#[derive(Args)]
pub struct DialArgs {
    #[command(flatten)]
    switch: Switch,
    /// The person
    person: String,
    /// The number, as that person would dial it
    number: String,
    /// The person's own phone picks up by itself, if it can and nobody talks there
    #[arg(long)]
    answer: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct WishesArgs {
    #[command(flatten)]
    list: ListArgs,
    /// The person; without, all who want something are listed
    #[arg(requires = "wish")]
    person: Option<String>,
    /// dnd, dnd:off, forward:always, forward:busy, forward:no-answer, forward:off, when-free or when-free:off
    wish: Option<route::Wish>,
    /// Where calls are to go, as that person would dial it
    number: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum By {
    /// Open, whatever the clock says
    Open,
    /// Closed, whatever the clock says
    Close,
    /// As the clock says
    Clock,
}

#[derive(Args)]
pub struct TrunksArgs {
    #[command(flatten)]
    list: ListArgs,
    #[command(subcommand)]
    change: Option<TrunkChange>,
}

#[derive(Subcommand)]
enum TrunkChange {
    /// Place no calls through a trunk, take none from it, and end its registration; calls under way go on
    Disable {
        #[command(flatten)]
        switch: Switch,
        /// The trunk's name in trunks.toml
        name: String,
    },
    /// Use it again
    Enable {
        #[command(flatten)]
        switch: Switch,
        /// The trunk's name in trunks.toml
        name: String,
    },
}

#[derive(Args)]
pub struct TraceArgs {
    #[command(flatten)]
    switch: Switch,
    /// Our id of a call, or the Call-ID of a dialog
    #[arg(long, value_name = "ID", required_unless_present = "user", conflicts_with = "user")]
    call: Option<String>,
    /// An account's name, or a number
    #[arg(long)]
    user: Option<String>,
    /// Go on with what is still to come, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Show the messages whole
    #[arg(long)]
    full: bool,
    /// Write the messages to a file for Wireshark, too
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

impl Command {
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Command::Calls(args) => args.run(&live::CALLS),
            Command::Queues(args) => args.run(),
            Command::Conferences(args) => args.run(),
            Command::Agents(args) => args.run(),
            Command::Phones(args) => args.list(&Request::Phones, phone_columns, "no phones"),
            Command::Bans(args) => args.list(&Request::Bans, ban_columns, "no bans"),
            Command::Unban { switch, who } => {
                let report = switch.ask(&Request::Unban { who: who.clone() }, |_| true)?;
                match report["lifted"].as_u64() {
                    Some(1..) => println!("{} ban(s) ended", report["lifted"]),
                    _ => return Err(format!("{who} is not banned; `centrala bans` tells who is").into()),
                }
                Ok(())
            }
            Command::Subscriptions(args) => {
                args.list(&Request::Subscriptions, subscription_columns, "nobody watches anything")
            }
            Command::Hours(args) => args.run(),
            Command::Wishes(args) => args.run(),
            Command::Dial(args) => args.run(),
            Command::Supervise(args) => args.run(),
            Command::Mwi(args) => args.run(),
            Command::Voicemail(VoicemailCommand::List(list)) => {
                list.list(&Request::Voicemail, voicemail_columns, "no messages wait for anybody")
            }
            Command::Trunks(TrunksArgs { list, change: None }) => {
                list.list(&Request::Trunks, trunk_columns, "no trunks")
            }
            Command::Trunks(TrunksArgs { change: Some(change), .. }) => {
                let (switch, name, enable) = match change {
                    TrunkChange::Disable { switch, name } => (switch, name, false),
                    TrunkChange::Enable { switch, name } => (switch, name, true),
                };
                switch.ask(&Request::Trunk { name: name.clone(), enable }, |_| true)?;
                println!("{name} is {} now, until the switch ends", if enable { "in use" } else { "out of use" });
                Ok(())
            }
            Command::Metrics(switch) => {
                switch.ask(&Request::Metrics, |row| {
                    print!("{}", row.as_str().unwrap_or_default());
                    true
                })?;
                Ok(())
            }
            Command::Trace(args) => args.show(),
            Command::Reload(switch) => {
                let report = switch.ask(&Request::Reload, |_| true)?;
                let count = |name: &str| report[name].as_u64().unwrap_or_default();
                let (people, trunks, routes, menus) =
                    (count("people"), count("trunks"), count("routes"), count("menus"));
                println!("in force: {people} people, {trunks} trunks, {routes} routes, {menus} menus");
                for what in report["restart"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    println!("{what} in switch.toml has changed; that takes a restart");
                }
                show_passwords(&serde_json::from_value::<Vec<_>>(report["passwords"].clone()).unwrap_or_default());
                Ok(())
            }
            Command::Drain { switch, limit } => {
                let report = switch.ask(&Request::Drain { limit_secs: limit }, |_| true)?;
                println!("no new calls are taken; {} to go", report["calls"]);
                Ok(())
            }
        }
    }
}

impl Switch {
    pub fn ask(&self, request: &Request, row: impl FnMut(Value) -> bool) -> Result<Value, Failure> {
        let socket = if self.socket.is_dir() { self.socket.join(SOCKET) } else { self.socket.clone() };
        Ok(ask(&socket, request, row)?)
    }
}

impl HoursArgs {
    fn run(self) -> Result<(), Failure> {
        let (Some(hours), Some(by)) = (self.hours, self.by) else {
            return self.list.list(&Request::Hours, hours_columns, "no hours; [hours.NAME] in routes.toml makes some");
        };
        let (by_hand, how) = match by {
            By::Open => (Some(true), "open until it is told otherwise"),
            By::Close => (Some(false), "closed until it is told otherwise"),
            By::Clock => (None, "open and closed by the clock"),
        };
        self.list.switch.ask(&Request::SwitchHours { hours: hours.clone(), by_hand }, |_| true)?;
        match self.list.json {
            true => println!("{}", json!({ "hours": hours, "by_hand": by_hand })),
            false => println!("{hours} is {how}"),
        }
        Ok(())
    }
}

#[derive(Args)]
pub struct SuperviseArgs {
    #[command(flatten)]
    switch: Switch,
    /// The supervisor's account
    supervisor: String,
    /// The agent's account
    agent: String,
    /// How he takes part to begin with
    #[arg(value_enum, default_value_t)]
    how: Ear,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
pub enum Ear {
    #[default]
    Listen,
    Whisper,
    Barge,
}

impl SuperviseArgs {
    fn run(self) -> Result<(), Failure> {
        let SuperviseArgs { switch, supervisor, agent, how } = self;
        let how = match how {
            Ear::Listen => SupervisionOrder::Listen,
            Ear::Whisper => SupervisionOrder::Whisper,
            Ear::Barge => SupervisionOrder::Barge,
        };
        switch.ask(&Request::Supervise { supervisor: supervisor.clone(), agent: agent.clone(), how }, |_| true)?;
        println!("{supervisor} is rung, to hear {agent}");
        Ok(())
    }
}

impl DialArgs {
    fn run(self) -> Result<(), Failure> {
        let DialArgs { switch, person, number, answer, json } = self;
        let request = Request::Dial { person: person.clone(), number: number.clone(), answer };
        let begun = switch.ask(&request, |_| true)?;
        match json {
            true => println!("{begun}"),
            false => println!("{person} is rung for {number}: call {}", begun["call"].as_str().unwrap_or_default()),
        }
        Ok(())
    }
}

impl WishesArgs {
    fn run(self) -> Result<(), Failure> {
        let WishesArgs { list, person, wish, number } = self;
        let (Some(person), Some(wish)) = (person, wish) else {
            return list.list(&Request::Wishes, wishes_columns, "nobody wants anything of the calls to him");
        };
        let request = Request::Wish { person: person.clone(), wish: wish.to_string(), number: number.clone() };
        list.switch.ask(&request, |_| true)?;
        match list.json {
            true => println!("{}", json!({ "person": person, "wish": wish.to_string(), "number": number })),
            false => println!("{person}: {wish} {}", number.unwrap_or_default()),
        }
        Ok(())
    }
}

impl MwiArgs {
    fn run(self) -> Result<(), Failure> {
        let MwiArgs { list, who, new, old } = self;
        let (Some(who), Some(new)) = (who, new) else {
            return list.list(&Request::Mailboxes, mailbox_columns, "no messages wait for anybody");
        };
        list.switch.ask(&Request::Mailbox { who: who.clone(), new, old }, |_| true)?;
        match list.json {
            true => println!("{}", json!({ "account": who, "new": new, "old": old })),
            false => println!("{who}: {new} new, {old} old"),
        }
        Ok(())
    }
}

impl TraceArgs {
    fn show(self) -> Result<(), Failure> {
        let mut pcap = self.pcap.map(|path| Pcap::create(&path)).transpose()?;
        let (mut shown, mut failed) = (0, None);
        let request = Request::Trace { call: self.call, user: self.user, follow: self.follow };
        self.switch.ask(&request, |row| {
            let Ok(said) = serde_json::from_value::<Said>(row) else { return true };
            shown += 1;
            println!("{}", ladder::rung(&said));
            if self.full {
                println!("{}", ladder::whole(&said));
            }
            failed = pcap.as_mut().and_then(|pcap| pcap.write(&said).err());
            failed.is_none()
        })?;
        match failed {
            Some(why) => Err(format!("the pcap file cannot be written ({why}); name another with --pcap").into()),
            None if shown == 0 => Err("no message of that is remembered; `centrala calls` lists calls".into()),
            None => Ok(()),
        }
    }
}

impl ListArgs {
    /// Prints what there is: JSON as it comes, or a table.
    fn list(self, request: &Request, columns: fn(Value) -> Option<Vec<String>>, none: &str) -> Result<(), Failure> {
        let mut rows = Vec::new();
        self.switch.ask(request, |row| {
            match self.json {
                true => println!("{row}"),
                false => rows.extend(columns(row)),
            }
            true
        })?;
        match (self.json, rows.is_empty()) {
            (true, _) => {}
            (false, true) => println!("{none}"),
            (false, false) => print_table(&rows),
        }
        Ok(())
    }
}

fn phone_columns(row: Value) -> Option<Vec<String>> {
    let phone: PhoneStatus = serde_json::from_value(row).ok()?;
    let expires = format!("{} s", phone.expires_secs);
    Some(vec![phone.account, phone.transport, phone.address, expires, phone.user_agent])
}

fn subscription_columns(row: Value) -> Option<Vec<String>> {
    let one: SubscriptionStatus = serde_json::from_value(row).ok()?;
    let expires = format!("{} s", one.expires_secs);
    Some(vec![one.watcher, one.event, one.resource, one.uri, one.transport, one.address, expires])
}

fn hours_columns(row: Value) -> Option<Vec<String>> {
    let one: HoursStatus = serde_json::from_value(row).ok()?;
    let state = if one.open { "open" } else { "closed" };
    let until = match (one.by_hand, one.next_change) {
        (true, _) => "by hand".to_owned(),
        (false, Some(at)) => format!("until {at}"),
        (false, None) => "always".to_owned(),
    };
    Some(vec![one.hours, state.to_owned(), until, one.zone])
}

fn wishes_columns(row: Value) -> Option<Vec<String>> {
    let to = |name: &str| match row[name].as_str() {
        Some(to) => format!("{}: {to}", name.replace('_', " ")),
        None => String::new(),
    };
    let quiet = if row["quiet"] == true { "do not disturb" } else { "" };
    Some(vec![row["person"].as_str()?.to_owned(), quiet.to_owned(), to("always"), to("busy"), to("no_answer")])
}

fn voicemail_columns(row: Value) -> Option<Vec<String>> {
    let VoicemailStatus { account, message } = serde_json::from_value(row).ok()?;
    let heard = if message.heard { "heard" } else { "new" };
    let seconds = format!("{:.0} s", message.seconds);
    Some(vec![account, heard.to_owned(), message.caller, message.at, seconds, message.file])
}

fn mailbox_columns(row: Value) -> Option<Vec<String>> {
    let one: MailboxStatus = serde_json::from_value(row).ok()?;
    Some(vec![one.account, format!("{} new", one.new), format!("{} old", one.old)])
}

fn ban_columns(row: Value) -> Option<Vec<String>> {
    let ban: BanStatus = serde_json::from_value(row).ok()?;
    let account = ban.account.unwrap_or_else(|| "all accounts".to_owned());
    Some(vec![ban.source, account, ban.secs.map_or_else(|| "until unban".to_owned(), |secs| format!("{secs} s"))])
}

fn trunk_columns(row: Value) -> Option<Vec<String>> {
    let trunk: TrunkStatus = serde_json::from_value(row).ok()?;
    let of = |max: u32| if max == 0 { String::new() } else { format!("/{max}") };
    let registration = match (trunk.registration, trunk.registered_secs) {
        (Some(state), Some(secs)) => format!("{state} {secs} s"),
        (Some(state), None) => state,
        (None, _) => "-".to_owned(),
    };
    let calls = format!("{} in {} out{}", trunk.calls_in, trunk.calls_out, of(trunk.calls_max));
    let today = format!("{}{} today", trunk.calls_today, of(trunk.calls_per_day_max));
    let error = match (trunk.last_error, trunk.last_error_secs) {
        (Some(error), Some(secs)) => format!("{error} ({secs} s ago)"),
        _ => String::new(),
    };
    let address = format!("{} {}", trunk.transport, trunk.address);
    Some(vec![trunk.trunk, trunk.state, address, registration, calls, today, trunk.groups.join(","), error])
}

/// Columns as wide as their widest cell; what strangers wrote is printed without control characters.
pub fn print_table(rows: &[Vec<String>]) {
    print!("{}", table(rows));
}

/// The same as text.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
    let mut lines = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let cell: String = cell.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
            format!("{cell:<width$}")
        });
        lines.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        lines.push('\n');
    }
    lines
}
