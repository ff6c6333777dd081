//! What the conf says of one trunk.

use sip::Host;
use sip::digest::Credentials;

use crate::header_rules::HeaderRules;
use crate::health::HealthConf;
use crate::identity::IdentityPolicy;
use crate::limits::Limits;
use crate::number::{NumberPlan, Touch};
use crate::registration::RegisterConf;

/// One trunk, as the conf has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrunkConf {
    /// Its name.
    pub name: String,
    /// The name and port it is found by, where that is a name.
    pub server: Option<(Host, Option<u16>)>,
    /// Its SIP domain; what it is found by where it has none.
    pub domain: Option<Host>,
    /// The number we show; else the caller's own.
    pub number: Option<String>,
    /// What it may challenge us for.
    pub credentials: Option<Credentials>,
    /// Where to register, if it wants that.
    pub register: Option<RegisterConf>,
    /// When it is taken for down.
    pub health: HealthConf,
    /// How much it may be used.
    pub limits: Limits,
    /// How it writes numbers, where that is known.
    pub numbers: Option<NumberPlan>,
    /// What is done to called numbers last of all.
    pub called: Touch,
    /// What is done to calling numbers last of all.
    pub calling: Touch,
    /// What it may know of callers, and is believed.
    pub identity: IdentityPolicy,
    /// What else its INVITEs say.
    pub headers: HeaderRules,
}
