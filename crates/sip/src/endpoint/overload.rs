//! Overload: what comes too late is refused, and neighbours who ask are told how much less to send (RFC 7339).
//!
//! Where it stands: the shell serves what stands first and says of the rest when it has waited too long; the endpoint
//! counts that here. In the other direction a carrier tells us in its answers to send less, and calls to it are kept
//! back in that measure. Only the loss algorithm (RFC 7339 §5) is spoken: it is the one all must know.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Random, Time};

use crate::Via;

/// So long one measure of our own load counts, and what we tell others holds.
const WINDOW: Duration = Duration::from_millis(500);
/// Neighbours whose wish for less is remembered.
const NEIGHBOURS_MAX: usize = 1024;
/// What a neighbour says holds no longer, whatever it says.
const VALIDITY_MAX: Duration = Duration::from_secs(60);

/// How hard we and our neighbours are pressed.
#[derive(Debug, Default)]
pub struct Overload {
    began: Time,
    served: u32,
    late: u32,
    /// Of the last window: so many of a hundred came too late.
    percent: u32,
    /// Those who want less, how much less, and until when.
    neighbours: HashMap<SocketAddr, (u32, Time)>,
}

impl Overload {
    /// A request that begins something came in time, or too late.
    pub fn count(&mut self, late: bool, now: Time) {
        self.turn(now);
        *(if late { &mut self.late } else { &mut self.served }) += 1;
    }

    fn turn(&mut self, now: Time) {
        let passed = now.since(self.began);
        if passed < WINDOW {
            return;
        }
        let total = self.served + self.late;
        self.percent = if passed < 2 * WINDOW && total > 0 { self.late * 100 / total } else { 0 };
        (self.began, self.served, self.late) = (now, 0, 0);
    }

    /// Tells in the Via it came with how much less a neighbour should send, if it asked (RFC 7339 §4.2, §4.3).
    pub fn answer(&mut self, via: &mut Via, now: Time) {
        let offers_loss = via.params.get("oc-algo").is_some_and(|algorithms| {
            algorithms.trim_matches('"').split(',').any(|name| name.trim().eq_ignore_ascii_case("loss"))
        });
        if !via.params.has("oc") || !offers_loss {
            return;
        }
        self.turn(now);
        let ms = now.since(Time::ZERO).as_millis();
        let seq = format!("{}.{:03}", ms / 1000, ms % 1000);
        for (name, value) in [
            ("oc", self.percent.to_string()),
            ("oc-algo", "\"loss\"".to_owned()),
            ("oc-validity", WINDOW.as_millis().to_string()),
            ("oc-seq", seq),
        ] {
            via.params.set(name, Some(value));
        }
    }

    /// Offers a neighbour to send less when it asks (RFC 7339 §4.1).
    pub fn offer(via: &mut Via) {
        via.params.set("oc", None);
        via.params.set("oc-algo", Some("\"loss\"".to_owned()));
    }

    /// An answer came back with our Via, in which a neighbour may have said how much less it wants (RFC 7339 §5.3).
    pub fn heard(&mut self, via: &Via, neighbour: SocketAddr, now: Time) {
        let number = |name| via.params.get(name).and_then(|text| text.parse::<u32>().ok());
        let Some(percent) = number("oc") else { return };
        let validity = number("oc-validity").map_or(WINDOW, |ms| Duration::from_millis(ms.into()).min(VALIDITY_MAX));
        if percent == 0 || validity.is_zero() {
            self.neighbours.remove(&neighbour);
        } else if self.neighbours.len() < NEIGHBOURS_MAX || self.neighbours.contains_key(&neighbour) {
            self.neighbours.insert(neighbour, (percent.min(100), now + validity));
        }
    }

    /// Is a call to this neighbour one of those it does not want now?
    pub fn keeps_back(&mut self, neighbour: SocketAddr, now: Time, random: &mut Random) -> bool {
        let Some((percent, until)) = self.neighbours.get(&neighbour).copied() else { return false };
        if until <= now {
            self.neighbours.remove(&neighbour);
            return false;
        }
        random.below(100) < percent.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(params: &str) -> Via {
        format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa{params}").parse().unwrap()
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn who_asks_is_told_how_many_came_too_late() {
        for (params, late, told) in [
            (";oc;oc-algo=\"loss\"", 0, Some("0")),
            (";oc;oc-algo=\"rate,LOSS\"", 30, Some("30")),
            (";oc=7;oc-algo=\"loss\"", 100, Some("100")),
            (";oc;oc-algo=\"rate\"", 30, None),
            (";oc", 30, None),
            ("", 30, None),
        ] {
            let mut overload = Overload::default();
            (0..100).for_each(|n| overload.count(n < late, at(100)));
            let mut via = via(params);
            let before = via.clone();
            overload.answer(&mut via, at(600));
            match told {
                Some(told) => {
                    let words = ["oc", "oc-algo", "oc-validity", "oc-seq"].map(|name| via.params.get(name));
                    assert_eq!(words, [Some(told), Some("\"loss\""), Some("500"), Some("0.600")], "{params}");
                }
                None => assert_eq!(via, before, "{params}"),
            }
        }
    }

    #[test]
    fn load_that_has_passed_is_forgotten() {
        let mut overload = Overload::default();
        (0..100).for_each(|_| overload.count(true, at(100)));
        let mut asked = via(";oc;oc-algo=\"loss\"");
        overload.answer(&mut asked, at(1_200));
        assert_eq!(asked.params.get("oc"), Some("0"));
    }

    #[test]
    fn a_neighbour_that_wants_less_gets_that_much_less_for_so_long() {
        let carrier = "192.0.2.9:5060".parse().unwrap();
        for (params, when, want) in [
            (";oc=100;oc-validity=1000", 999, 1000),
            (";oc=100;oc-validity=1000", 1000, 0),
            (";oc=100", 499, 1000),
            (";oc=200;oc-validity=4000000", 59_999, 1000),
            (";oc=200;oc-validity=4000000", 60_000, 0),
            (";oc=0;oc-validity=1000", 1, 0),
            (";oc=50;oc-validity=0", 0, 0),
            (";oc", 1, 0),
            (";oc=many", 1, 0),
            ("", 1, 0),
        ] {
            let (mut overload, mut random) = (Overload::default(), Random::numbered(1));
            overload.heard(&via(params), carrier, at(0));
            let kept = (0..1000).filter(|_| overload.keeps_back(carrier, at(when), &mut random)).count();
            assert_eq!(kept, want, "{params} at {when}");
        }
        let (mut overload, mut random) = (Overload::default(), Random::numbered(1));
        overload.heard(&via(";oc=30;oc-validity=500"), carrier, at(0));
        let kept = (0..1000).filter(|_| overload.keeps_back(carrier, at(1), &mut random)).count();
        assert!((250..350).contains(&kept), "{kept}");
    }
}
