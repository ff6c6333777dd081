//! A recording of a call: its name on disk, and which leg speaks on which side.
//!
//! Where it stands: `Call::record` begins one; the switch has the recorder open the file; the taps set here fill it.

use audio::Codec;
use base::{LegId, RecordingId, Time};
use media::Channel;
use serde::{Deserialize, Serialize};

use crate::leg::{Port, State};
use crate::{Actor, Call, CallConf, Direction, Do, Fact, Leg, What};

/// Why something is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A rule says so.
    Rule {
        /// Its name.
        rule: String,
        /// How long what it records is kept, by the name of a class.
        class: Option<String>,
    },
    /// Somebody wanted it.
    Asked(Actor),
}

/// A recording, from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its number.
    pub id: RecordingId,
    /// Its file below the recordings folder, without the ending:
    /// `2026/11/23/<start-UTC>_<direction>_<queue>_<agent>_<call id>_<segment>`.
    pub file: String,
    /// When it began.
    pub began: Time,
    /// Why it is. As with a call that goes on, another rule may come to fit it better.
    pub reason: Reason,
    /// When it was stopped, if somebody did before the call ended.
    pub stopped: Option<Time>,
    /// Samples a second: what the widest codec has of those who talked when it began, as far as the conf lets it.
    pub rate: u32,
    /// Whose mailbox it is a message for.
    pub mailbox: Option<String>,
    /// It is what that person says to callers: whole as soon as it is stopped.
    pub greeting: bool,
    pub(crate) tapped: Vec<(LegId, Channel)>,
}

impl Recording {
    pub(crate) fn begin(call: &Call, reason: Reason) -> Recording {
        let id = RecordingId { call: call.id, segment: call.recordings.len() as u16 + 1 };
        Recording {
            id,
            file: file_name(call, id),
            began: call.now,
            reason,
            stopped: None,
            rate: rate(call.talkers().filter_map(Leg::codec), &call.conf),
            mailbox: None,
            greeting: false,
            tapped: Vec::new(),
        }
    }
}

impl Recording {
    /// A message for this account: the same, in a folder of its own.
    pub(crate) fn message(call: &Call, account: &str, reason: Reason) -> Recording {
        let recording = Recording::begin(call, reason);
        let name = recording.file.rsplit('/').next().unwrap_or(&recording.file);
        let file = format!("voicemail/{}/{name}", in_file_name(account));
        Recording { file, rate: audio::SAMPLE_RATE, mailbox: Some(account.to_owned()), ..recording }
    }

    /// A leg is taken away, to be recorded elsewhere or not at all.
    pub(crate) fn forget(&mut self, leg: LegId) {
        self.tapped.retain(|(tapped, _)| *tapped != leg);
    }

    /// Whom it hears.
    pub(crate) fn legs(&self) -> std::vec::IntoIter<LegId> {
        self.tapped.iter().map(|(leg, _)| *leg).collect::<Vec<_>>().into_iter()
    }

    /// Does it run, or will it be told of only?
    pub(crate) fn runs(&self) -> bool {
        self.stopped.is_none()
    }

    /// It runs no longer; whom it has heard.
    pub(crate) fn stop(&mut self, now: Time) -> Vec<LegId> {
        self.stopped = Some(now);
        std::mem::take(&mut self.tapped).into_iter().map(|(leg, _)| leg).collect()
    }

    /// On which side a leg is.
    pub(crate) fn channel_of(&self, leg: LegId) -> Option<Channel> {
        self.tapped.iter().find(|(tapped, _)| *tapped == leg).map(|(_, channel)| *channel)
    }
}

impl Call {
    /// Taps this leg on that side, on which it takes the place of another.
    pub(crate) fn tap_as(&mut self, leg: LegId, channel: Option<Channel>) {
        if let (Some(recording), Some(channel)) = (self.recordings.last_mut().filter(|last| last.runs()), channel) {
            recording.tapped.push((leg, channel));
            self.tap(leg, channel);
        }
    }

    /// A leg's media is elsewhere from now on; it stays on its side.
    pub(crate) fn tap_again(&mut self, leg: LegId) {
        let Some(recording) = self.recordings.last_mut().filter(|last| last.runs()) else { return };
        let channel = recording.channel_of(leg);
        recording.forget(leg);
        self.tap_as(leg, channel);
    }

    /// The parties that talk, or would if nobody held them.
    pub fn talkers(&self) -> impl Iterator<Item = &Leg> {
        let talks = |leg: &&Leg| matches!(leg.state, State::Up) && leg.port == Port::Open;
        self.legs.iter().filter(talks).filter(|leg| !self.is_supervisor(leg.id) && !self.hears_preface(leg.id))
    }

    /// Taps every leg that talks and is not yet tapped: the caller left, all others right. After a transfer who stays
    /// keeps its side, and who comes gets the other.
    pub(crate) fn tap_legs(&mut self) {
        let stays = self.stays();
        let talkers: Vec<LegId> = self.talkers().map(|leg| leg.id).collect();
        let Some(recording) = self.recordings.last_mut().filter(|last| last.runs()) else { return };
        let mut taps = Vec::new();
        let known = recording.tapped.iter().find(|(leg, _)| *leg == stays).map(|(_, channel)| *channel);
        let (own, others) = match known {
            Some(Channel::Right) => (Channel::Right, Channel::Left),
            _ => (Channel::Left, Channel::Right),
        };
        for leg in talkers {
            if !recording.tapped.iter().any(|(tapped, _)| *tapped == leg) {
                let channel = if leg == stays { own } else { others };
                recording.tapped.push((leg, channel));
                taps.push((leg, channel));
            }
        }
        taps.into_iter().for_each(|(leg, channel)| self.tap(leg, channel));
    }

    fn tap(&mut self, leg: LegId, channel: Channel) {
        let Some(Recording { id, began, rate, mailbox, .. }) = self.recordings.last() else { return };
        let beep = self.conf.beep.filter(|_| mailbox.is_none()); // who leaves a message knows
        let tap = media::Command::Tap { leg, recording: *id, channel, began: *began, rate: *rate, beep };
        self.wish(Do::Media(tap));
        if !self.silences.is_empty() {
            self.deafen(leg);
        }
    }
}

/// Samples a second of a recording of who speaks these.
pub(crate) fn rate(codecs: impl Iterator<Item = Codec>, conf: &CallConf) -> u32 {
    let widest = codecs.map(Codec::sample_rate).fold(0, u32::max);
    widest.clamp(audio::SAMPLE_RATE, conf.record_rate_max.max(audio::SAMPLE_RATE))
}

fn file_name(call: &Call, id: RecordingId) -> String {
    let mut direction = Direction::Internal;
    let (mut queue, mut agent) = ("-", "-");
    for Fact { what, .. } in call.facts() {
        match what {
            What::Started { direction: seen, .. } => direction = *seen,
            What::Entered { destination } => {
                queue = ["group:", "queue:", "conference:"]
                    .iter()
                    .find_map(|kind| destination.strip_prefix(kind))
                    .unwrap_or(queue);
            }
            What::Connected { party, .. } => agent = party,
            _ => {}
        }
    }
    named(call.conf.clock.unix_ms(call.now), direction.word(), queue, agent, id)
}

/// The name of a recording that begins now.
pub(crate) fn named(unix_ms: i64, direction: &str, queue: &str, agent: &str, id: RecordingId) -> String {
    let start = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    format!(
        "{}_{}_{}_{}_{}_{}",
        start.strftime("%Y/%m/%d/%Y%m%dT%H%M%SZ"),
        direction,
        in_file_name(queue),
        in_file_name(agent),
        id.call,
        id.segment
    )
}

/// What a name may be in a file's name: no separator of ours, nothing a shell or a file system minds, not too long.
fn in_file_name(name: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || "+-.".contains(letter) { letter } else { '-' };
    let name: String = name.chars().take(40).map(safe).collect();
    if name.is_empty() || name.starts_with('.') { format!("-{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_leave_its_folder() {
        for (name, in_file) in [
            ("ann", "ann"),
            ("+385 1 555", "+385-1-555"),
            ("../../etc/passwd", "-..-..-etc-passwd"),
            ("a_b", "a-b"),
            ("", "-"),
            ("žarko", "-arko"),
        ] {
            assert_eq!(in_file_name(name), in_file);
        }
        assert_eq!(in_file_name(&"x".repeat(500)).len(), 40);
    }
}
