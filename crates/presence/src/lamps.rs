//! What lamps show: the lines of a person, the callers of a queue.

use call::{Line, Progress};
use sip::{Lines, Shown, Stage};

/// A line as others see it.
pub(crate) fn lamp(line: &Line) -> sip::Line {
    let stage = match line.progress {
        Progress::Trying => Stage::Trying,
        Progress::Rings => Stage::Early,
        Progress::Talks => Stage::Confirmed,
    };
    sip::Line {
        id: line.leg.0,
        initiated: line.calls,
        stage,
        held: line.holds,
        remote: Shown { number: line.remote.number.clone(), name: line.remote.name.clone() },
        dialog: None, // the switch knows it when somebody is told
    }
}

/// A line that is over. It says no more with whom.
pub(crate) fn out(line: Option<&sip::Line>) -> sip::Line {
    let (id, initiated) = line.map_or((0, false), |line| (line.id, line.initiated));
    sip::Line { id, initiated, stage: Stage::Terminated, held: false, remote: Shown::default(), dialog: None }
}

/// A queue's lamp blinks while somebody waits.
pub fn queue_lamp(queue: &str, waiting: usize) -> Lines {
    let shown = |name: Option<String>| Shown { number: queue.to_owned(), name };
    let dark = out(None);
    let line = match waiting {
        0 => dark,
        waiting => sip::Line { stage: Stage::Early, remote: shown(Some(format!("{waiting} waiting"))), ..dark },
    };
    Lines { local: shown(None), lines: vec![line] }
}

/// The lamp of a place shines while somebody is parked there.
pub fn place_lamp(place: &str, parked: Option<Shown>) -> Lines {
    let dark = out(None);
    let line = match parked {
        Some(remote) => sip::Line { stage: Stage::Confirmed, remote, ..dark },
        None => dark,
    };
    Lines { local: Shown { number: place.to_owned(), name: None }, lines: vec![line] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queues_lamp_blinks_while_somebody_waits() {
        for (waiting, stage, name) in
            [(0, Stage::Terminated, None), (1, Stage::Early, Some("1 waiting")), (20, Stage::Early, Some("20 waiting"))]
        {
            let lamp = queue_lamp("support", waiting);
            assert_eq!((lamp.lines[0].stage, lamp.lines[0].remote.name.as_deref()), (stage, name));
        }
    }
}
