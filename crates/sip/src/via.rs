//! The Via header: the way an answer goes back (RFC 3261 §20.42, RFC 3581).
//!
//! Where it stands: the endpoint fills `received` and `rport` in what came and writes ours on what goes; transactions
//! find each other by its branch.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::flow::Transport;
use crate::host::{HostText, host_port};
use crate::name_addr::{ParamScan, check_params};
use crate::text::{cut, is_blank, is_token, split_while, trim, trim_start};
use crate::{BadSyntax, Host, Params};

/// One Via element.
///
/// ```
/// let via: sip::Via = "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKx;rport".parse().unwrap();
/// assert_eq!(via.branch(), Some("z9hG4bKx"));
/// let seen = via.seen_from("192.0.2.7:41000".parse().unwrap());
/// assert_eq!(seen.to_string(), "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKx;rport=41000;received=192.0.2.7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, `WS`, …, as written.
    pub transport: String,
    /// The host of sent-by.
    pub host: Host,
    /// The port of sent-by, if it says one.
    pub port: Option<u16>,
    /// branch, received, rport and the rest.
    pub params: Params,
}

/// The branch of RFC 3261 begins so; others are of RFC 2543 (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

const BAD: BadSyntax = BadSyntax { what: "Via" };

impl Via {
    /// Our own, for a request: sent from that address, answers asked back to where they come from (RFC 3581).
    pub fn new(transport: Transport, local: SocketAddr, branch: impl Into<String>) -> Via {
        let mut params = Params::NONE;
        params.set("branch", Some(branch.into()));
        params.set("rport", None);
        Via { transport: transport.as_str().to_owned(), host: local.ip().into(), port: Some(local.port()), params }
    }

    /// The branch, which names the transaction.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// Does its branch have the magic cookie, and so name one transaction by itself?
    pub fn is_rfc3261(&self) -> bool {
        self.branch().is_some_and(|branch| branch.len() > MAGIC_COOKIE.len() && starts_with_cookie(branch))
    }

    /// Where a server saw the request come from.
    pub fn received(&self) -> Option<IpAddr> {
        address(self.params.get("received")?)
    }

    /// The source port a server saw; none if there is no `rport` or it is still empty.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport")?.parse().ok()
    }

    /// Host and port of sent-by, as a key: names in small letters, the port filled in.
    pub fn sent_by(&self) -> String {
        let port = self.port.unwrap_or(if self.transport.eq_ignore_ascii_case("TLS") { 5061 } else { 5060 });
        format!("{}:{port}", self.host).to_ascii_lowercase()
    }

    /// As it is answered: the source address filled in where sent-by is another or `rport` was asked for
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    #[must_use]
    pub fn seen_from(mut self, source: SocketAddr) -> Via {
        let asked = self.params.has("rport");
        if asked {
            self.params.set("rport", Some(source.port().to_string()));
        }
        if asked || self.host.address() != Some(source.ip()) {
            self.params.set("received", Some(source.ip().to_string()));
        } else {
            self.params.remove("received"); // a sender may not say what we saw
        }
        self
    }
}

fn starts_with_cookie(branch: &str) -> bool {
    branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
}

fn address(text: &str) -> Option<IpAddr> {
    // RFC 5118 §4.5: with brackets or without.
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
}

impl FromStr for Via {
    type Err = BadSyntax;
    fn from_str(text: &str) -> Result<Via, BadSyntax> {
        let parts = Parts::read(text).ok_or(BAD)?;
        Ok(Via {
            transport: parts.transport.to_owned(),
            host: parts.host.to_host(),
            port: parts.port,
            params: ParamScan(parts.params).flatten().collect(),
        })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

/// Is it a Via, and if it claims a branch of RFC 3261, does it have one?
pub(crate) fn check(text: &str) -> Result<(), BadSyntax> {
    let parts = Parts::read(text).ok_or(BAD)?;
    let branch = ParamScan(parts.params).flatten().find(|(name, _)| name.eq_ignore_ascii_case("branch"));
    match branch {
        // RFC 4475 §3.2.1: the cookie alone names nothing.
        Some((_, Some(branch))) if branch.eq_ignore_ascii_case(MAGIC_COOKIE) => Err(BAD),
        Some((_, None)) => Err(BAD),
        _ => Ok(()),
    }
}

struct Parts<'a> {
    transport: &'a str,
    host: HostText<'a>,
    port: Option<u16>,
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Parts<'a>> {
        // RFC 3261 §25.1: blanks may stand around each slash, the colon and the semicolons.
        let (protocol, rest) = cut(text, b'/')?;
        let (version, rest) = cut(rest, b'/')?;
        let (transport, rest) = split_while(trim_start(rest), |b| !is_blank(b));
        let (sent_by, params) = split_while(rest, |b| b != b';');
        let named = trim(protocol).eq_ignore_ascii_case("SIP") && trim(version) == "2.0";
        check_params(params).filter(|()| named && is_token(transport))?;
        let sent_by = trim(sent_by);
        let (host, port, rest) = host_port(sent_by)?;
        let port = match trim_start(rest).strip_prefix(':') {
            Some(spaced) => Some(trim_start(spaced).parse().ok()?),
            None if rest.is_empty() => port,
            None => return None,
        };
        Some(Parts { transport, host, port, params })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn vias_are_read_however_they_are_legal() {
        for (text, want) in [
            ("SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw", "SIP/2.0/UDP host.example.com;branch=z9hG4bKkdjuw"),
            ("SIP  /   2.0 /UDP 192.0.2.2;branch=390skdjuw", "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw"),
            (
                "SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8",
                "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
            ),
            ("sip/2.0/ws x.invalid : 80 ;rport", "SIP/2.0/ws x.invalid:80;rport"),
            ("SIP/2.0/UDP [::1]:5060;received=[2001:db8::9:255]", "SIP/2.0/UDP [::1]:5060;received=[2001:db8::9:255]"),
            ("SIP/2.0/UNKNOWN t4", "SIP/2.0/UNKNOWN t4"),
        ] {
            assert_eq!(text.parse::<Via>().map(|via| via.to_string()).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_via_is_refused() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/2.0/UDP ;branch=1",
            "SIP/7.0/UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0 h",
            "SIP/2.0/UDP h h",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP h:70000",
            "SIP/2.0/UDP h;;",
            "SIP/2.0/UDP h;branch=",
            "SIP/2.0/U@P h",
            "SIP/2.0/UDP 2001:db8::1",
        ] {
            assert_eq!(text.parse::<Via>(), Err(BAD), "{text}");
        }
        for text in ["SIP/2.0/UDP h;branch=z9hG4bK", "SIP/2.0/UDP h;branch"] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_way_back_is_what_we_saw() {
        let source = "192.0.2.7:41000".parse().unwrap();
        for (text, want) in [
            ("SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa"),
            ("SIP/2.0/UDP 192.0.2.7;received=10.9.9.9", "SIP/2.0/UDP 192.0.2.7"),
            ("SIP/2.0/UDP 192.0.2.7;rport", "SIP/2.0/UDP 192.0.2.7;rport=41000;received=192.0.2.7"),
            ("SIP/2.0/UDP h.example;received=10.9.9.9", "SIP/2.0/UDP h.example;received=192.0.2.7"),
        ] {
            assert_eq!(text.parse::<Via>().unwrap().seen_from(source).to_string(), want, "{text}");
        }
    }

    #[test]
    fn branches_tell_the_two_rfcs_apart() {
        for (text, cookie) in [
            (";branch=z9hG4bKa", true),
            (";branch=Z9HG4BKa", true),
            (";branch=z9hG4bK", false),
            (";branch=390s", false),
            ("", false),
        ] {
            assert_eq!(format!("SIP/2.0/UDP h{text}").parse::<Via>().unwrap().is_rfc3261(), cookie, "{text}");
        }
        assert_eq!("SIP/2.0/UDP H.example".parse::<Via>().unwrap().sent_by(), "h.example:5060");
    }

    proptest! {
        #[test]
        fn what_we_print_we_can_read(
            transport in "[A-Z]{2,5}", host in "[a-z][a-z0-9.-]{0,8}", port in any::<Option<u16>>(), branch in "[!-~&&[^;,\"<>\\\\=]]{1,12}", source in any::<(u32, u16)>(),
        ) {
            let params = [("branch", Some(&*branch)), ("rport", None)].into_iter().collect();
            let via = Via { transport, host: Host::Name(host), port, params }.seen_from((std::net::Ipv4Addr::from(source.0), source.1).into());
            prop_assert_eq!(via.to_string().parse::<Via>(), Ok(via.clone()));
            prop_assert_eq!((via.received(), via.rport()), (Some(std::net::Ipv4Addr::from(source.0).into()), Some(source.1)));
        }
    }
}
