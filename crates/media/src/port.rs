//! One leg's media: what it says, what it hears, and what we know of both.
//!
//! Where it stands: `patchbay` holds the ports and carries packets from one to the others; a port knows no other port,
//! only their indices. What a leg says comes in by `hears`, what it hears goes out by `says`, `line` is what was negotiated.

mod hears;
mod line;
mod says;

use std::sync::Arc;
use std::time::Duration;

use audio::{Codec, DtmfDetector};
use base::{Random, Time};
use rtp::event::Detector;
use rtp::{Packet, Reception};

pub(crate) use line::Line;

use crate::cover::Cover;
use crate::guard::Guard;
use crate::keying::Keying;
use crate::latch::Latch;
use crate::live::Live;
use crate::mixer::Mixer;
use crate::out_stream::{OutStream, Talker};
use crate::player::Player;
use crate::reports::Reports;
use crate::tap::Tap;
use crate::voice::Voice;
use crate::web::Web;
use crate::{Component, Event, Exit, Identity, KeysHeard, LegStats, MediaLimits, Place, Security, StreamConf};

/// The media of one leg.
pub(crate) struct Port {
    pub place: Place,
    pub line: Option<Line>,
    /// Who hears this leg as it comes, and who hears it decoded.
    pub sinks: Vec<u32>,
    pub listeners: Vec<u32>,
    /// Whom this leg hears.
    pub sources: Vec<u32>,
    /// There while somebody hears this leg decoded.
    pub voice: Option<Box<Voice>>,
    /// There while this leg hears something made for it.
    pub mixer: Option<Box<Mixer>>,
    pub out: OutStream,
    /// What few legs have is apart, so that it costs the others nothing.
    pub player: Option<Box<Player>>,
    /// The wheel will serve this port.
    pub on_wheel: bool,
    pub tap: Option<Box<Tap>>,
    /// Which of its keys others hear, and the timestamp of the last.
    pub keys_heard: KeysHeard,
    last_key: Option<u32>,
    /// The one entry of `Timers` that is valid.
    pub timer: Time,
    guard: Guard,
    reception: Reception,
    detector: Detector,
    /// Hears keys in the sound of a leg that knows no telephone-events.
    ear: Option<Box<DtmfDetector>>,
    /// Keys that go into the leg.
    keying: Option<Box<Keying>>,
    reports: Reports,
    live: Live,
    /// The phone has reported since the last report of ours.
    reported: bool,
    stats: LegStats,
    opened: Time,
}

/// A packet that others may hear.
pub(crate) struct Heard {
    pub talker: Talker,
    pub packet: Packet,
    pub kind: Kind,
    /// The key that was just pressed.
    pub pressed: Option<char>,
}

/// What a payload type means on a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Sound.
    Audio(Codec),
    /// A telephone-event (RFC 4733), its durations counted at this rate.
    Key {
        /// Units a second.
        rate: u32,
    },
}

impl Port {
    pub fn new(place: Place, now: Time, random: &mut Random) -> Port {
        Port {
            place,
            line: None,
            sinks: Vec::new(),
            listeners: Vec::new(),
            sources: Vec::new(),
            voice: None,
            mixer: None,
            out: OutStream::new(random),
            player: None,
            on_wheel: false,
            tap: None,
            keys_heard: KeysHeard::default(),
            last_key: None,
            timer: Time::NEVER,
            guard: Guard::default(),
            reception: Reception::new(audio::SAMPLE_RATE),
            detector: Detector::new(),
            ear: None,
            keying: None,
            reports: Reports::default(),
            live: Live::default(),
            reported: false,
            stats: LegStats::default(),
            opened: now,
        }
    }

    /// Negotiated, or negotiated anew.
    pub fn connect(&mut self, mut conf: StreamConf, now: Time, report_at: Time) {
        self.stats.uses(conf.codec, &conf.security);
        let deaf = conf.telephone_event.is_some() || conf.codec.encoding().is_none();
        self.ear = if deaf { None } else { self.ear.take().or_else(|| Some(Box::default())) };
        self.reception.set_clock_rate(conf.codec.clock_rate());
        self.out.set_clock(conf.codec.clock_rate());
        // RFC 3264 §8.4: 0.0.0.0 is an old spelling of hold and no address. The phone is still where it was.
        if conf.remote.ip().is_unspecified() && !matches!(conf.security, Security::Dtls(_)) {
            conf.sends = false;
            if let Some(line) = &self.line {
                (conf.remote, conf.remote_rtcp) = (line.conf.remote, line.conf.remote_rtcp);
            }
        }
        match &mut self.line {
            None => {
                let latch = Latch::new(conf.remote, conf.learn);
                let cover = Cover::new(&conf.security);
                let web = Web::of(&conf.security);
                let line = Line {
                    latch,
                    cover,
                    web,
                    muted: false,
                    conf,
                    rtcp_source: None,
                    heard_at: now,
                    timed_out: false,
                    one_way: false,
                    report_at,
                };
                self.line = Some(line);
            }
            Some(line) => {
                if line.conf.remote != conf.remote {
                    self.guard.forget(); // another source, another stream
                    line.rtcp_source = None;
                }
                line.latch.renew(conf.remote, conf.learn);
                match (&mut line.web, &conf.security) {
                    (Some(web), Security::Dtls(dtls)) => {
                        if web.renew(dtls) {
                            line.cover = Cover::Shut;
                        }
                    }
                    (web, security) => {
                        *web = Web::of(security);
                        line.cover.renew(security);
                    }
                }
                line.conf = conf;
                (line.heard_at, line.timed_out, line.one_way) = (now, false, false);
            }
        }
    }

    /// A slow deadline may have come: time-out, report, forgotten clip.
    pub fn look(
        &mut self,
        now: Time,
        cname: &str,
        identity: Option<&Arc<Identity>>,
        limits: &MediaLimits,
        report_again: Duration,
        exit: &mut impl Exit,
    ) {
        if self.tap.as_deref().and_then(Tap::due).is_some_and(|due| due <= now) {
            self.flush(exit);
        }
        let Some(line) = &mut self.line else { return };
        if let (Some(web), Some(identity)) = (&mut line.web, identity) {
            let (place, remote) = (self.place, line.latch.remote());
            line.muted = !web.consents(now);
            if let Some(keys) = web.look(identity, now, |packet| exit.send(place, Component::Rtp, remote, packet)) {
                line.secure(keys, &mut self.stats);
            }
        }
        if line.timeout_at(limits).is_some_and(|at| at <= now) {
            line.timed_out = true;
            exit.event(Event::Timeout { leg: self.place.leg });
        }
        if line.one_way_at(limits).is_some_and(|at| at <= now) {
            (line.one_way, self.stats.one_way) = (true, true);
            exit.event(Event::OneWay { leg: self.place.leg });
        }
        if line.report_at <= now {
            line.report_at = now + report_again;
            if let Some(to) = line.rtcp_remote() {
                let report = self.reports.write(&self.out, &mut self.reception, &self.stats, cname, now);
                let component = if line.conf.rtcp_mux { Component::Rtp } else { Component::Rtcp };
                if let Some(report) = line.cover.seal_rtcp(&report) {
                    exit.send(self.place, component, to, report);
                }
            }
            let ptime_ms = line.conf.ptime_ms;
            let (stats, reported) = (self.stats(), std::mem::take(&mut self.reported));
            if let Some((mos, remote_mos)) = self.live.look(&stats, ptime_ms, reported) {
                exit.event(Event::Sounds { leg: self.place.leg, mos, remote_mos });
            }
        }
    }

    /// When to look next.
    pub fn due(&self, limits: &MediaLimits) -> Time {
        let line = self.line.as_ref();
        let deadlines = [
            line.map(|line| line.report_at),
            line.and_then(|line| line.timeout_at(limits)),
            line.and_then(|line| line.one_way_at(limits)),
            line.and_then(|line| line.web.as_ref()).map(|web| web.due()),
            self.tap.as_deref().and_then(Tap::due),
        ];
        deadlines.into_iter().flatten().min().unwrap_or(Time::NEVER)
    }

    /// Give the recorder what the tap has gathered.
    pub fn flush(&mut self, exit: &mut impl Exit) {
        if let Some(tap) = &mut self.tap
            && let Some(clip) = tap.flush()
        {
            exit.tapped(tap.recording, tap.channel, clip);
        }
    }

    /// The counts so far.
    pub fn stats(&self) -> LegStats {
        let reception = &self.reception;
        let mut stats = LegStats {
            lost: reception.lost(),
            late: reception.late(),
            duplicated: reception.duplicates() + self.stats.duplicated,
            jitter_ms: reception.jitter_ms(),
            ..self.stats.clone()
        };
        stats.score(self.line.as_ref().map_or(20, |line| line.conf.ptime_ms));
        stats
    }
}
