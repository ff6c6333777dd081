//! `centrala demo`: a whole small centre on loopback, one call through it, and the recording to play.
//!
//! Where it stands: beside `run`, on the same shell. The switch is the real one, with its own threads, sockets and
//! files; the phones are `sim`'s, on sockets of their own (`stage.rs`). Every step is watched, and the sound compared with
//! what was said: a demo that ends well has shown that caller and agent heard each other.

mod centre;
mod ladder;
mod likeness;
mod report;
mod stage;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use audio::Sound;
use sim::phone::{Command, Dial, Event, Keys, Manner, PhoneConf, example};

use crate::conf::Conf;
use crate::shell::logging::{self, LogFormat};
use crate::shell::{Server, StartError, random};

use centre::Centre;
use ladder::Ladder;
use likeness::likeness;
use stage::Stage;

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A step that should happen did not.
    #[error("{what} did not happen within {secs} s; what did is above")]
    Step {
        /// Which.
        what: &'static str,
        /// How long it was waited for.
        secs: u64,
    },
    /// Somebody heard something else.
    #[error("{who} did not hear {what}: likeness {likeness:.2} where 1 is the same and {LIKE} would do")]
    Sound {
        /// Whose ear.
        who: &'static str,
        /// What was said.
        what: &'static str,
        /// How like it was.
        likeness: f64,
    },
    /// The switch did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What the demo left behind is not what it should be.
    #[error("{0}")]
    Left(String),
    /// The system refused something.
    #[error("the demo needs what the system refuses: {0}")]
    System(#[from] io::Error),
}

/// Sounds that are more like each other than this are the same, over any telephone.
const LIKE: f64 = 0.7;
/// Who calls, and whom.
const CALLER_NUMBER: &str = "+38515550123";
const MAIN_NUMBER: &str = "100";
const CALLER: usize = 0;
const AGENT: usize = 1;

/// Runs the demo. With `keep` the switch stays, with its simulated agent, until Ctrl-C.
pub fn run(keep: bool) -> Result<(), DemoError> {
    let recordings = PathBuf::from("recordings");
    let mut random = random()?;
    let centre = Centre::build(keep, &recordings, &mut random)?;
    let conf = Conf::load(centre.folder()).map_err(|problems| DemoError::Left(problems.to_string()))?;
    let server = Server::start(conf)?;
    let switch = centre.address(&server.listening);
    println!("A small centre, made in {}", centre.folder().display());
    println!("The switch listens on {switch}. A customer calls through a trunk; Ann, an agent, has a phone.\n");

    let mut stage = Stage::new(random.fork(), Ladder::new())?;
    let [greeting, caller_says, agent_says] = centre::voices().map_err(DemoError::Left)?;
    let caller = PhoneConf { server: switch, voice: quiet(), ..example(CALLER_NUMBER) };
    let agent = PhoneConf {
        server: switch,
        password: Some(centre.passwords.agent.clone()),
        voice: agent_says.clone(),
        manner: Manner::Answers { rings: Duration::from_millis(1500) },
        ..example("ann")
    };
    stage.seat("caller", centre.trunk, caller)?;
    stage.seat("agent", switch.ip(), agent)?;

    let told = play(&mut stage, &greeting, &caller_says, &agent_says);
    let cdr = told.and_then(|()| report::cdr(&mut stage, &centre));
    let cdr = match cdr {
        Ok(cdr) => cdr,
        Err(why) => {
            server.stop();
            return Err(why);
        }
    };
    report::show(&mut stage, &recordings, &cdr, [&caller_says, &agent_says])?;
    if keep {
        stay(&mut stage, &centre, switch)?;
    }
    server.stop();
    Ok(())
}

/// The story.
fn play(stage: &mut Stage, greeting: &Sound, caller_says: &Sound, agent_says: &Sound) -> Result<(), DemoError> {
    stage.push(AGENT, Command::Register { expires_secs: 300 });
    step(stage, "the agent's registration", 5, AGENT, |event| matches!(event, Event::Registered { .. }))?;

    stage.note(CALLER, "dials the main number");
    stage.push(CALLER, Command::Call(Dial { to: MAIN_NUMBER.to_owned(), ..Dial::default() }));
    step(stage, "the answer to the call", 5, CALLER, |event| *event == Event::Answered)?;
    let answered = stage.now();
    stage.pass(Duration::from_secs_f64(greeting.seconds() + 0.4))?;
    let heard = stage.heard(CALLER, answered);
    let like = likeness(&heard, greeting.pcm());
    if like < LIKE {
        return Err(DemoError::Sound { who: "the caller", what: "the greeting", likeness: like });
    }
    stage.note(CALLER, &format!("heard the greeting, {:.0} dBFS", audio::rms_dbfs(&heard)));

    stage.push(CALLER, Command::Press { key: '1', by: Keys::Event });
    stage.note(CALLER, "presses 1");
    let pressed = stage.now();
    step(stage, "the ringing of the agent's phone", 5, AGENT, |event| *event == Event::Knocks)?;
    step(stage, "the agent's answer", 5, AGENT, |event| *event == Event::Answered)?;
    let talking = stage.now();
    stage.push(CALLER, Command::Speak(caller_says.clone()));
    let ringing = stage.heard(CALLER, pressed);
    if audio::goertzel::level(&ringing, 425.0) > -35.0 {
        stage.note(CALLER, "heard it ringing");
    }
    stage.pass(Duration::from_millis(200))?;
    stage.note(AGENT, "they talk");
    stage.pass(Duration::from_secs_f64(agent_says.seconds() - 0.4))?;

    for (who, desk, what, said) in
        [("the caller", CALLER, "the agent", agent_says), ("the agent", AGENT, "the caller", caller_says)]
    {
        let heard = stage.heard(desk, talking);
        let like = likeness(&heard, said.pcm());
        if like < LIKE {
            return Err(DemoError::Sound { who, what, likeness: like });
        }
        let name = if desk == CALLER { "the agent" } else { "the caller" };
        stage.note(desk, &format!("heard {name}, {:.0} dBFS", audio::rms_dbfs(&heard)));
    }
    stage.push(CALLER, Command::HangUp);
    stage.push(CALLER, Command::Speak(quiet()));
    step(stage, "the end of the agent's call", 5, AGENT, |event| matches!(event, Event::Ended { .. }))?;
    stage.pass(Duration::from_millis(200))
}

/// Waits until something happened at a phone since the last step.
fn step(
    stage: &mut Stage,
    what: &'static str,
    secs: u64,
    desk: usize,
    is_it: impl Fn(&Event) -> bool,
) -> Result<(), DemoError> {
    if stage.wait(Duration::from_secs(secs), desk, is_it)? { Ok(()) } else { Err(DemoError::Step { what, secs }) }
}

/// Packets without a sound: a phone that is not spoken into.
fn quiet() -> Sound {
    Sound::from_pcm(audio::silence(20))
}

/// The switch stays for phones of flesh and blood.
fn stay(stage: &mut Stage, centre: &Centre, switch: SocketAddr) -> Result<(), DemoError> {
    centre.show_accounts(switch);
    logging::start(LogFormat::Human);
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            let _ = runtime.block_on(async { tokio::signal::ctrl_c().await });
        }
        told.store(true, Ordering::Relaxed);
    })?;
    stage.hush();
    while !stop.load(Ordering::Relaxed) {
        stage.pass(Duration::from_millis(100))?;
    }
    println!("\nStopping: calls are ended, recordings closed.");
    Ok(())
}
