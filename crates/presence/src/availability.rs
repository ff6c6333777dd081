//! Whether somebody is there, from what is known of him (RFC 3856 §6.11 leaves how to us).

use acd::AgentState;
use sip::{Activity, Presence};

/// He is there if a phone of his can be rung. What he does, the phone and the queue know; while he does nothing of that
/// kind, what he says himself counts.
pub fn availability(reachable: bool, talks: bool, agent: Option<&AgentState>, said: Option<&Presence>) -> Presence {
    let (activity, note) = match agent {
        _ if talks => (Some(Activity::OnThePhone), Some("On the phone".to_owned())),
        Some(AgentState::Talking | AgentState::Offered) => {
            (Some(Activity::OnThePhone), Some("On the phone".to_owned()))
        }
        Some(AgentState::Paused(reason)) => (Some(Activity::Away), Some(reason.to_string())),
        Some(AgentState::WrapUp | AgentState::Resting) => (Some(Activity::Busy), Some("Busy".to_owned())),
        Some(AgentState::LoggedOut | AgentState::Available) | None => {
            (said.and_then(|said| said.activity), said.and_then(|said| said.note.clone()))
        }
    };
    Presence { open: reachable && said.is_none_or(|said| said.open), activity, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_he_does_counts_more_than_what_he_says() {
        let lunch = Presence { open: true, activity: Some(Activity::Away), note: Some("lunch".into()) };
        let closed = Presence::default();
        let paused = AgentState::Paused("training".into());
        for (reachable, talks, agent, said, open, activity, note) in [
            (false, false, None, None, false, None, ""),
            (true, false, None, None, true, None, ""),
            (true, true, None, None, true, Some(Activity::OnThePhone), "On the phone"),
            (true, true, Some(&paused), Some(&lunch), true, Some(Activity::OnThePhone), "On the phone"),
            (true, false, Some(&paused), Some(&lunch), true, Some(Activity::Away), "training"),
            (true, false, Some(&AgentState::WrapUp), None, true, Some(Activity::Busy), "Busy"),
            (true, false, Some(&AgentState::Available), None, true, None, ""),
            (true, false, Some(&AgentState::LoggedOut), Some(&lunch), true, Some(Activity::Away), "lunch"),
            (true, false, None, Some(&closed), false, None, ""),
            (false, false, None, Some(&lunch), false, Some(Activity::Away), "lunch"),
        ] {
            let want = Presence { open, activity, note: Some(note.to_owned()).filter(|note| !note.is_empty()) };
            assert_eq!(availability(reachable, talks, agent, said), want, "{agent:?} {said:?}");
        }
    }
}
