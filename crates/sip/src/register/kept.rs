//! What of the bindings outlives a restart: those of phones by UDP, who do not notice that we were away and would not register
//! anew for an hour. Connections end with us, and their phones come back by themselves.
//!
//! Where it stands: who keeps things asks after each change of an account, and gives back at the start what it kept.

use std::net::SocketAddr;
use std::time::Duration;

use base::{Time, WallClock};
use serde::{Deserialize, Serialize};

use super::{Binding, Registrar};
use crate::{Flow, Transport};

/// A binding as it is kept. Its temporary GRUUs end with us; the public one does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBinding {
    contact: String,
    local: SocketAddr,
    remote: SocketAddr,
    source: SocketAddr,
    q: u16,
    /// When it ends, in Unix time.
    expires_ms: i64,
    user_agent: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reg_id: Option<u32>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    path: Box<[String]>,
    call_id: Box<str>,
    cseq: u32,
    relayed: bool,
    params: Box<str>,
}

/// What is kept may end so much sooner: a phone that registers again and again is not written down each time.
const SLACK_SECS: u32 = 60;

fn secs(at: Time) -> u32 {
    u32::try_from(at.as_millis() / 1000).unwrap_or(u32::MAX)
}

impl Registrar {
    /// What is to be kept of an account, if that is other than what is kept already.
    pub fn news_to_keep(&mut self, account: &str, clock: WallClock) -> Option<Vec<KeptBinding>> {
        let Some(aor) = self.aors.get_mut(account) else { return Some(Vec::new()) };
        let stays = |binding: &Binding| binding.flow.transport == Transport::Udp;
        let staying = aor.bindings.iter().filter(|binding| stays(binding));
        let count = u8::try_from(staying.clone().count()).unwrap_or(u8::MAX);
        if count == aor.kept
            && staying
                .clone()
                .all(|binding| secs(binding.expires) <= binding.kept_until_secs.saturating_add(SLACK_SECS))
        {
            return None;
        }
        aor.kept = count;
        let mut kept = Vec::with_capacity(count.into());
        for binding in aor.bindings.iter_mut().filter(|binding| stays(binding)) {
            binding.kept_until_secs = secs(binding.expires);
            kept.push(KeptBinding::of(binding, clock));
        }
        Some(kept)
    }

    /// What was kept of an account when the switch was last there. Nobody is told: whether the phone is there is yet to be seen.
    pub fn restore(&mut self, account: &str, kept: Vec<KeptBinding>, clock: WallClock, now: Time) {
        let living = kept.into_iter().filter_map(|kept| kept.revived(clock, now));
        let bindings: Vec<Binding> = living.take(self.bindings_max).collect();
        self.settle(account, bindings, |_| false, now, &mut Vec::new());
        if let Some(aor) = self.aors.get_mut(account) {
            aor.kept = u8::try_from(aor.bindings.len()).unwrap_or(u8::MAX);
        }
    }
}

impl KeptBinding {
    fn of(binding: &Binding, clock: WallClock) -> KeptBinding {
        KeptBinding {
            contact: binding.contact.clone(),
            local: binding.flow.local,
            remote: binding.flow.remote,
            source: binding.source,
            q: binding.q,
            expires_ms: clock.unix_ms(binding.expires),
            user_agent: binding.user_agent.clone(),
            instance: binding.instance.clone(),
            reg_id: binding.reg_id,
            path: binding.path.clone(),
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
            relayed: binding.relayed,
            params: binding.params.clone(),
        }
    }

    fn revived(self, clock: WallClock, now: Time) -> Option<Binding> {
        let left_ms =
            u64::try_from(self.expires_ms.saturating_sub(clock.unix_ms(now))).ok().filter(|left| *left > 0)?;
        let expires = now + Duration::from_millis(left_ms.min(u32::MAX.into()));
        Some(Binding {
            contact: self.contact,
            flow: Flow { transport: Transport::Udp, local: self.local, remote: self.remote, connection: 0 },
            source: self.source,
            q: self.q,
            expires,
            user_agent: self.user_agent,
            instance: self.instance,
            reg_id: self.reg_id,
            path: self.path,
            refreshed: now,
            call_id: self.call_id,
            cseq: self.cseq,
            gruu: None,
            relayed: self.relayed,
            kept_until_secs: secs(expires),
            params: self.params,
        })
    }
}
