//! Session timers (RFC 4028): a session that nobody refreshes is over, so that a call whose BYE was lost, or whose phone
//! lost its power, does not stand for ever.
//!
//! Where it stands: requests and their answers are read here; [`super::Session`] keeps the timer and does what it says.
//! It sends nothing.

use std::time::Duration;

use base::Time;

use crate::{Headers, Name, Request};

/// The shortest session there is (RFC 4028 §4), and what we take every offered one down to where the other side allows.
pub const SESSION_SECS_MIN: u32 = 90;

/// Who keeps the session alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// We do.
    Us,
    /// The other side does.
    Them,
}

/// What both agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    secs: u32,
    refresher: Refresher,
    /// The other side knows of timers; if not, a proxy wants them.
    known: bool,
}

/// The session asked for is shorter than any may be: to be answered 422 with our `Min-SE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort;

impl Grant {
    /// What to grant a request that makes or refreshes a session (RFC 4028 §9); nothing where it asks for nothing.
    pub fn to(request: &Request) -> Result<Option<Grant>, TooShort> {
        let Some((asked, refresher)) = read(&request.headers) else { return Ok(None) };
        let known = request.headers.lists(&Name::Supported, "timer") || request.headers.lists(&Name::Require, "timer");
        if asked < SESSION_SECS_MIN && known {
            return Err(TooShort);
        }
        let least = number(request.headers.first(&Name::MinSe)).unwrap_or(0).max(SESSION_SECS_MIN);
        let refresher = match refresher {
            Some(Side::Uas) => Refresher::Us,
            _ if known => Refresher::Them, // a phone that can does it itself, at the moment it likes
            _ => Refresher::Us,
        };
        Ok(Some(Grant { secs: asked.min(least).max(SESSION_SECS_MIN), refresher, known }))
    }

    /// What the 2xx to a request of ours grants us (RFC 4028 §7.2).
    pub fn of(response: &Headers) -> Option<Grant> {
        let (secs, refresher) = read(response)?;
        let refresher = if refresher == Some(Side::Uas) { Refresher::Them } else { Refresher::Us };
        Some(Grant { secs: secs.max(SESSION_SECS_MIN), refresher, known: true })
    }

    /// Says it in a 2xx.
    pub fn write(&self, headers: &mut Headers) {
        let refresher = match self.refresher {
            Refresher::Us => "uas",
            Refresher::Them => "uac",
        };
        if self.refresher == Refresher::Them && self.known {
            headers.push(Name::Require, "timer"); // RFC 4028 §9
        }
        headers.push(Name::SessionExpires, format!("{};refresher={refresher}", self.secs));
    }
}

/// A session's life, from its last refresh.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimer {
    grant: Grant,
    refresh_at: Time,
    /// A little before the end (RFC 4028 §10): then it is ended in good order.
    until: Time,
}

/// What a session timer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// It is ours to say that the session stands.
    Refresh,
    /// Nobody has said so.
    End,
}

impl SessionTimer {
    /// The session was made or refreshed now.
    pub fn new(grant: Grant, now: Time) -> SessionTimer {
        let whole = Duration::from_secs(grant.secs.into());
        let refresh_at = match grant.refresher {
            Refresher::Us => now + whole / 2,
            Refresher::Them => Time::NEVER,
        };
        SessionTimer { grant, refresh_at, until: now + whole - END_BEFORE.min(whole / 3) }
    }

    /// When to ask [`SessionTimer::due`].
    pub fn deadline(&self) -> Time {
        self.refresh_at.min(self.until)
    }

    /// What is to be done by now.
    pub fn due(&self, now: Time) -> Due {
        match () {
            () if now >= self.until => Due::End,
            () if now >= self.refresh_at => Due::Refresh,
            () => Due::Nothing,
        }
    }

    /// A refresh is under way: it is not due once more, unless it fails.
    pub fn refreshing(&mut self) {
        self.refresh_at = Time::NEVER;
    }

    /// A refresh came to nothing: once more at half of what is left.
    pub fn failed(&mut self, now: Time) {
        self.refresh_at = now + self.until.since(now) / 2;
    }

    /// The other side wants longer sessions (422). False: than what we asked for it does not.
    pub fn lengthen(&mut self, headers: &Headers, now: Time) -> bool {
        let secs = self.grant.secs.max(number(headers.first(&Name::MinSe)).unwrap_or(0)).min(SECS_MAX);
        let longer = secs > self.grant.secs;
        if longer {
            (self.grant.secs, self.refresh_at) = (secs, now);
        }
        longer
    }

    /// When it is over.
    pub fn end(&self) -> Time {
        self.until
    }

    /// Asks for the same session again (RFC 4028 §7.4).
    pub fn write(&self, headers: &mut Headers) {
        headers.push(Name::SessionExpires, format!("{};refresher=uac", self.grant.secs));
        headers.push(Name::MinSe, SESSION_SECS_MIN.to_string());
    }
}

/// RFC 4028 §10: the BYE goes out this much before the end, or a third of the session if that is less.
const END_BEFORE: Duration = Duration::from_secs(32);
/// A day: no session needs more.
const SECS_MAX: u32 = 86_400;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Uac,
    Uas,
}

fn read(headers: &Headers) -> Option<(u32, Option<Side>)> {
    let value = headers.first(&Name::SessionExpires)?;
    let mut parts = value.split(';').map(str::trim);
    let secs = number(parts.next())?;
    let refresher = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("refresher").then_some(value.trim())
    });
    let refresher = match refresher {
        Some(side) if side.eq_ignore_ascii_case("uac") => Some(Side::Uac),
        Some(side) if side.eq_ignore_ascii_case("uas") => Some(Side::Uas),
        _ => None,
    };
    Some((secs.min(SECS_MAX), refresher))
}

/// What a 422 makes of the session our INVITE asked for; nothing if it asked for none, or the 422 does not say.
pub fn longer(invite: &Request, refusal: &Headers) -> Option<String> {
    let (asked, _) = read(&invite.headers)?;
    let least = number(refusal.first(&Name::MinSe)).filter(|least| *least > asked)?;
    Some(least.min(SECS_MAX).to_string())
}

fn number(text: Option<&str>) -> Option<u32> {
    text?.split(';').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsip::Method;

    fn request(headers: &[(Name, &str)]) -> Request {
        let mut request = Request::new(Method::Invite, "sip:a@b");
        headers.iter().for_each(|(name, value)| request.headers.push(name.clone(), *value));
        request
    }

    #[test]
    fn a_session_is_taken_down_to_the_least_the_phone_allows_and_kept_by_it_if_it_can() {
        use Name::{MinSe, SessionExpires, Supported};
        for (headers, granted) in [
            (&[][..], Ok(None)),
            (&[(SessionExpires, "90"), (Supported, "timer")], Ok(Some("90;refresher=uac"))), // JsSIP
            (&[(SessionExpires, "1800"), (MinSe, "90"), (Supported, "timer")], Ok(Some("90;refresher=uac"))), // pjsua
            (&[(SessionExpires, "1800;refresher=uas"), (Supported, "timer")], Ok(Some("90;refresher=uas"))),
            (&[(SessionExpires, "1800"), (MinSe, "600"), (Supported, "timer")], Ok(Some("600;refresher=uac"))),
            (
                &[(SessionExpires, "1800;Refresher=UAS"), (MinSe, "3600"), (Supported, "timer")],
                Ok(Some("1800;refresher=uas")),
            ),
            (&[(SessionExpires, "60"), (Supported, "timer")], Err(TooShort)),
            (&[(SessionExpires, "60")], Ok(Some("90;refresher=uas"))), // a proxy's wish, and the phone knows nothing of it
            (&[(SessionExpires, "soon")], Ok(None)),
            (&[(SessionExpires, "4294967295"), (MinSe, "4294967295")], Ok(Some("86400;refresher=uas"))),
        ] {
            let said = Grant::to(&request(headers)).map(|grant| {
                grant.map(|grant| {
                    let mut headers = Headers::default();
                    grant.write(&mut headers);
                    assert_eq!(headers.has(&Name::Require), grant.known && grant.refresher == Refresher::Them);
                    headers.first(&SessionExpires).unwrap_or_default().to_owned()
                })
            });
            assert_eq!(said, granted.map(|granted| granted.map(str::to_owned)), "{headers:?}");
        }
    }

    #[test]
    fn it_is_refreshed_at_half_and_ended_at_two_thirds_of_a_short_one() {
        let grant = |refresher| Grant { secs: 90, refresher, known: true };
        let at = Time::from_millis;
        let ours = SessionTimer::new(grant(Refresher::Us), Time::ZERO);
        assert_eq!(
            (ours.deadline(), ours.due(at(44_999)), ours.due(at(45_000))),
            (at(45_000), Due::Nothing, Due::Refresh)
        );
        let mut failed = ours;
        failed.refreshing();
        assert_eq!(failed.due(at(50_000)), Due::Nothing);
        failed.failed(at(50_000));
        assert_eq!((failed.deadline(), failed.due(at(60_000))), (at(55_000), Due::End));
        let theirs = SessionTimer::new(grant(Refresher::Them), Time::ZERO);
        assert_eq!((theirs.deadline(), theirs.due(at(60_000))), (at(60_000), Due::End));
        let long = SessionTimer::new(Grant { secs: 1_800, ..grant(Refresher::Them) }, Time::ZERO);
        assert_eq!(long.deadline(), at(1_768_000));
    }
}
