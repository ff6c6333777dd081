//! The JSON beside every recording: what a listener, a search or an auditor must know without asking the switch.
//! Its fields are described in `docs/sidecar.md`.

use call::{CONSENT, Call, Cdr, Reason, Recording, What};
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
