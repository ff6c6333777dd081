//! Log lines: what an operator acts on, with `call=` and `leg=`. For people, or as JSON.

use std::io::{self, IsTerminal};

use base::CallId;
use call::{Fact, Reason, What};
use tracing::{debug, error, info, warn};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Begins logging to standard error. `RUST_LOG` chooses what; `info` is the default.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // Whoever started logging before us, such as a test, keeps it.
    let _ = match format {
        LogFormat::Human => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// One fact, as a line. Keys are not told: they may be a card's.
pub(super) fn fact(call: CallId, fact: &Fact) {
    match &fact.what {
        What::Started { caller, called, direction, .. } => {
            info!(%call, caller, called, direction = direction.word(), "call")
        }
        What::Entered { destination } => info!(%call, destination, "goes to"),
        What::Queued { queue } => info!(%call, queue, "waits"),
        What::Unqueued { outcome } => info!(%call, %outcome, "waits no longer"),
        What::Field { name, .. } => info!(%call, name, "is known of the caller"),
        What::Answered => info!(%call, "answered"),
        What::Key { .. } => debug!(%call, "key"),
        What::Dialled { leg, party, trunk: None } => info!(%call, %leg, party, "dialled"),
        What::Dialled { leg, party, trunk: Some(trunk) } => info!(%call, %leg, party, trunk, "dialled"),
        What::Ringing { leg } => info!(%call, %leg, "rings"),
        What::Refused { leg: Some(leg), status } => info!(%call, %leg, status, "refused"),
        What::Refused { leg: None, status } => info!(%call, status, "nobody to ring"),
        What::Connected { leg, party } => info!(%call, %leg, party, "talking"),
        What::Held { leg } => info!(%call, %leg, "holds"),
        What::Resumed { leg } => info!(%call, %leg, "resumes"),
        What::Transfers { leg, attended } => info!(%call, %leg, attended, "transfers"),
        What::Replaced { leg, by, party } => info!(%call, %leg, %by, party, "another phone took its place"),
        What::Consults { leg } => info!(%call, %leg, "asks somebody first"),
        What::Together { leg } => info!(%call, %leg, "talks with both"),
        What::Returns { leg } => info!(%call, %leg, "is back with the first"),
        What::TransferFailed { status } => info!(%call, status, "transfer failed"),
        What::Supervised { leg, by, of, how } => info!(%call, %leg, by, of, how = how.word(), "supervised"),
        What::Paged { leg, party } => info!(%call, %leg, party, "hears the caller"),
        What::SupervisorLeft { leg } => info!(%call, %leg, "supervised no longer"),
        What::Left { leg } => info!(%call, %leg, "left"),
        What::Recording { file, reason, .. } => match reason {
            Some(Reason::Rule { rule, .. }) => info!(%call, file, rule, "recording"),
            Some(Reason::Asked(actor)) => info!(%call, file, by = actor.by, how = ?actor.how, "recording"),
            None => info!(%call, file, "recording"),
        },
        What::RecordingFailed { .. } => {} // `recording` has said so
        What::RecordingStopped { actor, .. } => info!(%call, by = actor.by, how = ?actor.how, "recording stopped"),
        What::Silenced { kind, actor } => info!(%call, ?kind, by = actor.by, how = ?actor.how, "nothing is kept"),
        What::Disposed(said) => {
            info!(%call, disposition = said.disposition.as_deref(), by = said.actor.by, how = ?said.actor.how, "came to")
        }
        What::Sounds { kind, actor } => info!(%call, ?kind, by = actor.by, how = ?actor.how, "kept again"),
        What::Rejected { status } => info!(%call, status, "rejected"),
        What::HungUp { by, cause } => info!(%call, ?by, %cause, "ended"),
        What::OneWay { leg } => {
            warn!(%call, %leg, "one-way audio: nothing is heard of this side; look for a firewall or NAT before its phone")
        }
        What::Fault => {
            error!(%call, "a fault of ours ended this call; please report it with the lines before this one")
        }
        What::Media { leg, stats } => {
            debug!(%call, %leg, received = stats.packets_received, sent = stats.packets_sent, lost = stats.lost, "media");
        }
    }
}

/// One fact of the queues, as a line. What becomes of each call is told by the call.
pub(super) fn queue(fact: &acd::Fact) {
    use acd::What;
    match &fact.what {
        What::AgentIs { agent, state } => info!(%agent, ?state, "agent"),
        What::Serves { agent, queue, serves } => info!(%agent, %queue, serves, "agent"),
        What::Offered { queue, call, agent, why } => {
            info!(%call, %queue, %agent, waited_secs = why.waited.as_secs(), because = ?why.occasion, "offered");
        }
        What::Refused { queue, call, agent, how, rang } => {
            info!(%call, %queue, %agent, ?how, rang_secs = rang.as_secs(), "not taken");
        }
        What::Alert { queue, alert, value, limit, raised: true } => {
            warn!(%queue, alert = alert.word(), value, limit, "a threshold is passed")
        }
        What::Alert { queue, alert, value, limit, raised: false } => {
            info!(%queue, alert = alert.word(), value, limit, "a threshold is passed no longer")
        }
        What::CallBack { queue, call, state, tries, .. } => {
            info!(%call, %queue, state = state.word(), tries, "call-back")
        }
        What::Closed { queue, closed } => info!(%queue, closed, "queue"),
        What::Entered { .. } | What::Left { .. } | What::Withdrawn { .. } | What::Completed { .. } => {
            debug!(?fact, "queue");
        }
    }
}

/// Where a trunk's name leads.
pub(super) fn located(place: &sip::Place, targets: &[locate::Target]) {
    let list: Vec<String> =
        targets.iter().map(|target| format!("{} {}", target.transport.as_param(), target.address)).collect();
    match targets.is_empty() {
        true => warn!(%place, "no server is found by that name; calls to it are refused with 503"),
        false => info!(%place, servers = list.join(", "), "located"),
    }
}

/// A person has reached a limit.
pub(super) fn over_limit(account: &str, limit: &str) {
    warn!(account, limit, "a call was refused: this is more than this person may use; see limits in people.toml");
}

/// Something of SIP an operator may want to know.
pub(super) fn sip(event: &sip::Event) {
    match event {
        sip::Event::Registered { account, contact, flow, expires_secs, .. } => {
            debug!(account, contact, from = %flow.remote, expires_secs, "registered");
        }
        sip::Event::Unreached { flow, .. } => {
            info!(to = %flow.remote, transport = flow.transport.as_str(), "an INVITE found nobody there");
        }
        sip::Event::Unregistered { account, contact } => debug!(account, contact, "unregistered"),
        sip::Event::Refused { flow, account, why } => warn!(account, from = %flow.remote, "refused: {why}"),
        sip::Event::Banned(ban) => {
            let (account, secs) = (ban.account.as_deref().unwrap_or("all"), ban.left.as_secs());
            warn!(from = %ban.source, account, secs, "banned after too many wrong passwords; `centrala unban` ends it");
        }
        sip::Event::Flooded { flow } => {
            warn!(from = %flow.remote, "a flood: more requests come from there than strangers may send; they are dropped");
        }
        _ => {}
    }
}

/// A trunk came, went, or had no room.
pub(super) fn trunk(news: &trunk::News) {
    use trunk::News;
    match news {
        News::Up { trunk } => info!(trunk, "trunk is up again"),
        News::Down { trunk, why } => error!(trunk, "trunk is down ({why}); no calls are sent there until it answers"),
        News::Rests { trunk, secs } => warn!(trunk, secs, "trunk has too much to do, and gets no calls for so long"),
        News::Registered { trunk, secs } => info!(trunk, secs, "registered with the trunk"),
        News::NotRegistered { trunk, status, why, again_secs } => {
            error!(trunk, status, again_secs, "not registered with the trunk: {why}");
        }
        News::Unregistered { trunk } => info!(trunk, "registration with the trunk taken back"),
        News::Full { trunk, way, over } => {
            warn!(trunk, ?way, "trunk is full: {over}; a call was sent elsewhere or refused")
        }
        News::NoneLeft { route } => {
            warn!(trunk = route, "no trunk is left for a call, which was refused; `centrala trunks` tells why");
        }
    }
}

/// What became of a recording.
pub(super) fn recording(event: &recorder::Event) {
    match event {
        recorder::Event::Opened { .. } | recorder::Event::Quiet { .. } => {}
        recorder::Event::Closed { id, file, seconds } => info!(call = %id.call, file, seconds, "recorded"),
        recorder::Event::Spilled { id, folder, why } => {
            warn!(call = %id.call, folder = %folder.display(), "recorded elsewhere: {why}");
        }
        recorder::Event::Low { folder, bytes } => {
            let (folder, left_mb) = (folder.display(), bytes / 1_000_000);
            warn!(%folder, left_mb, "little room is left for recordings; free some space");
        }
        recorder::Event::Failed { id, why } => error!(call = %id.call, "recording failed: {why}"),
        recorder::Event::Stalled { id, why } => error!(call = %id.call, "recording stalled: {why}"),
    }
}
