//! Networks of addresses: `192.0.2.0/24`, from where a trunk calls, and what counts as one source.
//!
//! Where it stands: the gate asks whether a source is in one; whoever counts sources, what to count it as. IPv4 addresses
//! written as IPv6 ones are the same addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Is the address in it?
    pub fn has(&self, address: IpAddr) -> bool {
        let (width, ours, theirs) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => (32, u128::from(ours.to_bits()), u128::from(theirs.to_bits())),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (128, ours.to_bits(), theirs.to_bits()),
            _ => return false,
        };
        let differing = ours ^ theirs;
        differing.checked_shr(width - u32::from(self.bits)).unwrap_or(0) == 0
    }

    /// How many bits all of them begin with.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

/// What an address is counted as, where what one party does is counted: itself, or of IPv6 its /64 (RFC 6177).
pub fn of_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        let address = address.to_canonical();
        Network { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Network, String> {
        let wrong =
            || format!("{text:?} is no address or network; write one such as \"192.0.2.7\" or \"192.0.2.0/24\"");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let mut network = Network::from(address.parse::<IpAddr>().map_err(|_| wrong())?);
        if let Some(bits) = bits {
            let fits = |wanted: &u8| *wanted <= network.bits && *wanted >= BITS_MIN;
            network.bits = bits.parse().ok().filter(fits).ok_or_else(wrong)?;
        }
        Ok(network)
    }
}

/// No carrier has a larger network; a slip of the pen must not let in the world.
const BITS_MIN: u8 = 8;

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        for (network, address, has) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.9/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/31", "192.0.2.2", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::1", "192.0.2.1", false),
        ] {
            let parsed: Network = network.parse().expect("a network");
            assert_eq!(parsed.has(address.parse().expect("an address")), has, "{network} {address}");
        }
        for bad in ["", "x", "192.0.2.0/33", "192.0.2.0/0", "192.0.2.0/x", "192.0.2.0/", "carrier.example"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
