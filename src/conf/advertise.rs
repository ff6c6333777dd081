//! Who is told which address of ours, where the switch stands behind a NAT that maps its ports one to one.
//!
//! Where it stands: `switch_file` reads it; what we write into Via, Contact and SDP for somebody is asked of it first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use sip::Network;
use toml::Spanned;

use super::file::File;

/// The addresses told to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertised {
    /// The narrowest first; without an address: who is there sees us as we are.
    by_network: Vec<(Network, Option<IpAddr>)>,
    to_others: Option<IpAddr>,
}

impl Advertised {
    /// One for everybody.
    pub fn to_all(own: IpAddr) -> Advertised {
        Advertised { by_network: Vec::new(), to_others: Some(own) }
    }

    /// What `remote` is told, unless it sees us as we are.
    pub fn towards(&self, remote: IpAddr) -> Option<IpAddr> {
        let told = match self.by_network.iter().find(|(network, _)| network.has(remote)) {
            Some((_, own)) => *own,
            None => self.to_others,
        };
        told.filter(|own| own.is_ipv4() == remote.to_canonical().is_ipv4() && !remote.is_loopback())
    }

    /// All that somebody is told.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.by_network.iter().filter_map(|(_, own)| *own).chain(self.to_others)
    }
}

/// Of `advertise` and `advertise_to` in switch.toml.
pub(super) fn checked(
    file: &mut File<'_>,
    all: Option<&Spanned<String>>,
    some: &BTreeMap<Spanned<String>, Spanned<String>>,
) -> Advertised {
    let to_others = all.and_then(|text| own_address(file, text));
    let mut by_network = Vec::new();
    for (network, own) in some {
        let own = if own.get_ref() == AS_WE_ARE { None } else { own_address(file, own) };
        by_network.extend(file.parse(network).map(|network: Network| (network, own)));
    }
    by_network.sort_by_key(|(network, _)| Reverse(network.bits()));
    Advertised { by_network, to_others }
}

/// What is said of those who see us as we are.
const AS_WE_ARE: &str = "own";

fn own_address(file: &mut File<'_>, text: &Spanned<String>) -> Option<IpAddr> {
    let address = text.get_ref().parse().ok();
    if address.is_none() {
        let what = "advertise is no IP address; write the one phones can reach, such as \"203.0.113.5\"";
        file.problem(text.span(), what);
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_which_address() {
        let by_network =
            [("198.51.100.0/24", "192.0.2.77"), ("10.9.0.0/16", "10.9.0.1"), ("10.0.0.0/8", ""), ("fd00::/8", "")];
        let parsed = |(network, own): (&str, &str)| (network.parse().expect("a network"), own.parse().ok());
        let told = Advertised { by_network: by_network.map(parsed).to_vec(), to_others: "203.0.113.5".parse().ok() };
        for (remote, own) in [
            ("8.8.8.8", "203.0.113.5"),
            ("198.51.100.9", "192.0.2.77"),
            ("::ffff:198.51.100.9", "192.0.2.77"),
            ("10.1.2.3", ""),
            ("10.9.2.3", "10.9.0.1"),
            ("127.0.0.1", ""),
            ("2001:db8::1", ""),
            ("fd00::1", ""),
        ] {
            assert_eq!(told.towards(remote.parse().expect("an address")), own.parse().ok(), "{remote}");
        }
    }
}
