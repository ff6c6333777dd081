//! A running switch, as the command line and the tests hold it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};

use sip::Transport;
use tokio::runtime;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::ask::{Line, Request};
use super::control::{Arrival, Control};
use super::tls::TlsError;
use crate::conf::Conf;

/// Messages waiting for the switch. When it is full, sockets are read no further.
const INBOX_MAX: usize = 16_384;

/// Why the switch could not start: what happened, to what, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody else may listen there.
    #[error(
        "cannot listen on {address} ({transport}): {why}; end the program that has the port, or change it in switch.toml"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// `UDP`, `TCP`, `TLS`, `WS`, `WSS`, or `HTTP` for metrics and programs.
        transport: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// There is no certificate to show, or none to trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Recordings have nowhere to go.
    #[error(transparent)]
    Recordings(#[from] recorder::RecorderError),
    /// Recordings are to be sealed, and there is nothing to seal them with.
    #[error(transparent)]
    Keys(#[from] recorder::SealError),
    /// CDRs have nowhere to go.
    #[error("cannot write the journal in {folder}: {why}; make the folder writable, or name another with --journal")]
    Journal {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It was said that media goes by io_uring.
    #[error(
        "the system refuses io_uring, by its age, seccomp or kernel.io_uring_disabled; say net = \"auto\" in [media] of switch.toml"
    )]
    IoUring,
    /// The system refuses threads, randomness or the like.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A running switch.
pub struct Server {
    /// Where it listens, and for what.
    pub listening: Vec<(Transport, SocketAddr)>,
    inbox: Sender<Arrival>,
    control: JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Starts a switch. When this returns, phones can register.
    pub fn start(conf: Conf) -> Result<Server, StartError> {
        let (inbox, arrivals) = channel(INBOX_MAX);
        let (sender, started) = std_mpsc::channel();
        let (end, ended) = oneshot::channel();
        let door = inbox.clone();
        let control = thread::Builder::new().name("control".to_owned()).spawn(move || {
            let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(why) => return drop(sender.send(Err(why.into()))),
            };
            let local = LocalSet::new();
            local.block_on(&runtime, async move {
                match Control::start(conf, &door) {
                    Ok((control, listening)) => {
                        let _ = sender.send(Ok(listening));
                        control.run(arrivals).await;
                        let _ = end.send(());
                    }
                    Err(why) => drop(sender.send(Err(why))),
                }
            });
        })?;
        let listening = started.recv().map_err(|_| io::Error::other("the control thread ended at once"))??;
        Ok(Server { listening, inbox, control, ended })
    }

    /// Waits until the switch ends by itself, as it does when it was drained.
    pub async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }

    /// Reads the conf again and applies it, whole or not at all. Passwords made for new people are returned, to be shown
    /// once. The log tells the rest.
    pub async fn reload(&self) -> Vec<(String, String)> {
        let (answers, mut lines) = channel(1);
        let _ = self.inbox.send(Arrival::Asked { request: Request::Reload, by: "signal".into(), answers }).await;
        match lines.recv().await {
            Some(Line::Done(report)) => serde_json::from_value(report["passwords"].clone()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Ends all calls with BYE, closes the recordings, and waits until that is done.
    pub fn stop(self) {
        let _ = self.inbox.blocking_send(Arrival::Stop);
        let _ = self.control.join(); // if it panicked, it has said so
    }
}
