//! The JSON beside every recording: what a listener, a search or an auditor must know without asking the switch.
//! Its fields are described in `docs/sidecar.md`.

use base::Time;
use call::{CONSENT, Call, Cdr, Reason, Recording, RecordingSession, What};
use media::Channel;
use serde_json::{Value, json};

/// The version of the format; it rises when a field changes its meaning.
const VERSION: u32 = 1;

/// What is known of a recording now. When it begins, that is all there will be if the switch is killed.
pub(crate) fn of(call: &Call, recording: &Recording, cdr: &Cdr) -> Value {
    let caller = &call.caller().party;
    let parties = call.legs()[1..].iter().filter(|leg| !call.is_supervisor(leg.id));
    let others: Vec<_> = parties.map(|leg| &leg.party).collect();
    let mut sidecar = json!({
        "version": VERSION,
        "call": cdr.call,
        "segment": recording.id.segment,
        "began": call.date(recording.began),
        "channels": { "left": caller, "right": others },
        "cdr": cdr,
    });
    match &recording.reason {
        Reason::Rule { rule, class } => {
            sidecar["rule"] = json!(rule);
            class.iter().for_each(|class| sidecar["class"] = json!(class));
        }
        Reason::Asked(actor) => sidecar["asked"] = json!(actor),
    }
    let told = call.facts().iter().rev().find_map(|fact| match &fact.what {
        What::Field { name, value } if name == CONSENT => Some((fact.at, value)),
        _ => None,
    });
    if let Some((at, said)) = told {
        sidecar["consent"] = json!({ "said": said, "at": call.date(at) });
    }
    sidecar
}

/// The same of a recording that another switch has us make (SIPREC).
pub(crate) fn of_session(session: &RecordingSession, recording: &Recording) -> Value {
    let date = |at: Time| session.date(at);
    let parties = |channel| session.parties(recording.id, channel);
    let streams = session.carried(recording.id).map(|carried| {
        let held: Vec<_> = carried.pauses.iter().map(|(from, to)| json!([date(*from), to.map(date)])).collect();
        json!({
            "label": carried.label,
            "channel": match carried.channel { Channel::Left => "left", Channel::Right => "right" },
            "since": date(carried.since),
            "until": carried.until.map(date),
            "held": held,
        })
    });
    let mut siprec = json!({
        "trunk": session.trunk(),
        "session": session.metadata().sessions.last().map(|session| &session.id),
        "streams": streams.collect::<Vec<_>>(),
        "metadata": session.metadata(),
    });
    if session.unread() > 0 {
        siprec["unread"] = json!(session.unread());
    }
    let mut sidecar = json!({
        "version": VERSION,
        "call": session.id().to_string(),
        "segment": recording.id.segment,
        "began": date(recording.began),
        "channels": { "left": parties(Channel::Left).first(), "right": parties(Channel::Right) },
        "cdr": session.cdr(),
        "siprec": siprec,
    });
    if let Reason::Rule { rule, .. } = &recording.reason {
        sidecar["rule"] = json!(rule);
    }
    sidecar
}
