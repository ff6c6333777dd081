//! The command line.

mod entries;
mod explain;
mod flows;
mod ladder;
mod qa;
mod recordings;
mod remote;
mod report;
mod simulate;
mod window;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base::Random;
use centrala::conf::{Conf, Overrides, Problem, Problems};
use centrala::shell::logging::{self, LogFormat};
use centrala::shell::{self, Server, random};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Many small pieces come and go, on several threads; what was freed goes back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A SIP softswitch for call centres with call recording.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the switch until SIGTERM or Ctrl-C
    Run(RunArgs),
    /// A small centre with simulated phones takes a call, and leaves a recording to play
    Demo {
        /// Leave the switch running, for a phone of your own
        #[arg(long)]
        keep: bool,
    },
    /// Check the conf: every error with file, line, column and remedy
    Check {
        /// The folder that holds switch.toml
        #[arg(long, default_value = "conf")]
        conf: PathBuf,
    },
    /// The menus, by the conf alone; and what callers met of them
    #[command(subcommand)]
    Flow(flows::Command),
    /// Where numbers go, by the conf alone
    #[command(subcommand)]
    Route(RouteCommand),
    /// The archive of recordings: what is in it, and is it what was recorded
    #[command(subcommand)]
    Recordings(recordings::Command),
    /// How good calls are: what to listen to, score cards, and what ratings come to
    #[command(subcommand)]
    Qa(qa::Command),
    /// What is written down: the last entries, and what follows from them
    #[command(subcommand)]
    Journal(entries::Command),
    /// What queues and agents did: figures, with their formulas
    Report(report::ReportArgs),
    /// A day of the journal once more, with other agents or other queues: what would have been
    Simulate(simulate::SimulateArgs),
    #[command(flatten)]
    Remote(remote::Command),
}

#[derive(Subcommand)]
enum RouteCommand {
    /// Say where a number goes, and why the routes before it are not taken
    Explain(explain::ExplainArgs),
}

#[derive(Args)]
struct RunArgs {
    /// The folder that holds switch.toml
    #[arg(long, default_value = "conf", env = "CENTRALA_CONF")]
    conf: PathBuf,
    /// Where recordings go, instead of what switch.toml says
    #[arg(long)]
    recordings: Option<PathBuf>,
    /// Where CDRs go, instead of what switch.toml says
    #[arg(long)]
    journal: Option<PathBuf>,
    /// How many threads carry the calls' sound, instead of what switch.toml says
    #[arg(long, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    media_threads: Option<usize>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    log: LogFormat,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run(args),
        Command::Demo { keep } => centrala::demo::run(keep).map_err(Failure::from),
        Command::Check { conf } => check(&conf),
        Command::Flow(command) => command.run(),
        Command::Route(RouteCommand::Explain(args)) => args.run(),
        Command::Recordings(command) => command.run(),
        Command::Qa(command) => command.run(),
        Command::Journal(command) => command.run(),
        Command::Report(args) => args.run(),
        Command::Simulate(args) => args.run(),
        Command::Remote(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("centrala: {why}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn run(args: RunArgs) -> Result<(), Failure> {
    shell::take_small_pages();
    let mut conf = load(&args.conf)?;
    conf.override_by(Overrides {
        recordings: args.recordings,
        journal: args.journal,
        media_threads: args.media_threads,
    });
    logging::start(args.log);
    shell::allow_many_connections();
    show_new_passwords(&mut conf, &mut random()?)?;
    let people = conf.people.len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything listens, so that no signal is missed.
    let [mut terminate, mut interrupt, mut hangup] = runtime.block_on(async {
        let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        let [terminate, interrupt, hangup] = signals;
        Ok::<_, std::io::Error>([terminate?, interrupt?, hangup?])
    })?;
    let mut server = Server::start(conf)?;
    shell::give_memory_back();
    for (transport, address) in &server.listening {
        tracing::info!(%address, people, "listening ({})", transport.as_str());
    }
    runtime.block_on(async {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                () = server.ended() => return,
                _ = hangup.recv() => show_passwords(&server.reload().await),
            }
        }
    });
    server.stop();
    Ok(())
}

fn check(folder: &Path) -> Result<(), Failure> {
    let conf = load(folder)?;
    let (people, trunks, menus) = (conf.people.len(), conf.trunks.len(), conf.flow.menus.len());
    let queues = conf.flow.queues.len();
    let routes = conf.routes.routes.len();
    println!(
        "{}: {people} people, {trunks} trunks, {routes} routes, {menus} menus, {queues} queues; no errors",
        folder.display()
    );
    Ok(())
}

fn load(folder: &Path) -> Result<Conf, Failure> {
    Conf::load(folder).map_err(|Problems(problems)| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        format!("the conf has {} error(s)\n{}", lines.len(), lines.join("\n")).into()
    })
}

/// Makes passwords for people without one. They go to standard output, once, and never into the log.
fn show_new_passwords(conf: &mut Conf, random: &mut Random) -> Result<(), Failure> {
    let folder = conf.folder.clone();
    let made = conf.make_passwords(random).map_err(|why| {
        format!("cannot write {}/secrets.toml: {why}; make the folder writable, or give everybody a password in people.toml", folder.display())
    })?;
    show_passwords(&made);
    Ok(())
}

fn show_passwords(made: &[(String, String)]) {
    if !made.is_empty() {
        println!("New passwords, shown this once (only their digests are kept, in secrets.toml):");
        made.iter().for_each(|(account, password)| println!("  {account:<20} {password}"));
    }
}
