//! The allowed networks of an application's credentials, and the treatment of requests from elsewhere.

use std::{net::IpAddr, str::FromStr};

pub use ipnet::IpNet;
use ipnet::{Ipv4Net, Ipv6Net};

use crate::resource::Unknown;

/// Limit of networks per application.
pub const MOST: usize = 100;
/// This many addresses of one IPv4 /24 are proposed as that network.
const NEIGHBOURS: usize = 3;

/// The treatment of requests from outside the networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworksMode {
    /// Networks are not checked.
    #[default]
    Off,
    /// Report-only: the request is granted, but recorded.
    Report,
    /// The request is refused.
    Enforce,
}

impl NetworksMode {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Enforce => "enforce",
        }
    }
}

impl FromStr for NetworksMode {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "off" => Ok(Self::Off),
            "report" => Ok(Self::Report),
            "enforce" => Ok(Self::Enforce),
            _ => Err(Unknown("networks_mode: use off, report or enforce")),
        }
    }
}

/// The verdict on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkVerdict {
    /// Allowed, or networks are not checked.
    Inside,
    /// Outside, only to be recorded.
    Reported,
    /// Outside, to be refused.
    Refused,
}

/// The allowed networks of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedNetworks {
    /// The treatment of other sources.
    pub mode: NetworksMode,
    /// The networks.
    pub networks: Vec<IpNet>,
}

impl AllowedNetworks {
    /// The verdict on this address. An IPv4-mapped IPv6 address counts as its IPv4 address (RFC 4291 §2.5.5.2).
    pub fn verdict(&self, address: IpAddr) -> NetworkVerdict {
        let address = address.to_canonical();
        let inside = || self.networks.iter().any(|network| network.contains(&address));
        match self.mode {
            NetworksMode::Off => NetworkVerdict::Inside,
            _ if inside() => NetworkVerdict::Inside,
            NetworksMode::Report => NetworkVerdict::Reported,
            NetworksMode::Enforce => NetworkVerdict::Refused,
        }
    }
}

/// Why a text is no valid network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// Neither an address nor a network.
    #[error(
        "a network is an address or an address with a prefix length, such as 192.0.2.0/24 or 2001:db8::/32"
    )]
    Form,
    /// Host bits are set behind the prefix, so the meaning is ambiguous.
    #[error("{0} has bits behind its prefix: write {1}, or the address alone")]
    HostBits(IpNet, IpNet),
    /// IPv4-mapped IPv6.
    #[error("write IPv4 networks as such, 192.0.2.0/24 and not ::ffff:192.0.2.0/120")]
    Mapped,
    /// Too wide to restrict anything.
    #[error("{0} holds so many addresses that it protects nothing: name smaller networks")]
    TooWide(IpNet),
}

/// The shortest allowed prefixes, of IPv4 and IPv6.
const WIDEST: (u8, u8) = (8, 16);

/// Parses a network; an address alone is a network of one.
pub fn parse(text: &str) -> Result<IpNet, InvalidNetwork> {
    let text = text.trim();
    let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let network: IpNet = text.parse().ok().or_else(alone).ok_or(InvalidNetwork::Form)?;
    let widest = match network {
        IpNet::V4(_) => WIDEST.0,
        IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some() => {
            return Err(InvalidNetwork::Mapped);
        }
        IpNet::V6(_) => WIDEST.1,
    };
    if network.trunc() != network {
        return Err(InvalidNetwork::HostBits(network, network.trunc()));
    }
    if network.prefix_len() < widest {
        return Err(InvalidNetwork::TooWide(network));
    }
    Ok(network)
}

/// Networks to propose for observed addresses: each IPv4 address, or its /24 where several are in it, and the /64 of
/// each IPv6 address.
pub fn proposed(seen: &[IpAddr]) -> Vec<IpNet> {
    let within = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new(address, 24).map(|net| IpNet::V4(net.trunc())),
        IpAddr::V6(address) => Ipv6Net::new(address, 64).map(|net| IpNet::V6(net.trunc())),
    };
    let mut proposed: Vec<IpNet> = Vec::new();
    for address in seen.iter().map(IpAddr::to_canonical) {
        let Ok(wide) = within(address) else { continue };
        let neighbours = seen.iter().filter(|other| wide.contains(&other.to_canonical()));
        let network = match address {
            IpAddr::V4(_) if neighbours.count() < NEIGHBOURS => IpNet::from(address),
            _ => wide,
        };
        if !proposed.contains(&network) {
            proposed.push(network);
        }
    }
    proposed.sort_unstable();
    proposed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_reported_or_refused() {
        let networks = ["192.0.2.0/24", "2001:db8:1::/48"].map(|text| parse(text).unwrap());
        let verdict = |mode, address: &str| {
            let networks = networks.to_vec();
            AllowedNetworks { mode, networks }.verdict(address.parse().unwrap())
        };
        for inside in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::9"] {
            assert_eq!(
                verdict(NetworksMode::Enforce, inside),
                NetworkVerdict::Inside,
                "{inside}"
            );
        }
        for outside in ["192.0.3.7", "::ffff:192.0.3.7", "2001:db8:2::9", "::192.0.2.7"] {
            assert_eq!(verdict(NetworksMode::Off, outside), NetworkVerdict::Inside);
            assert_eq!(verdict(NetworksMode::Report, outside), NetworkVerdict::Reported);
            assert_eq!(
                verdict(NetworksMode::Enforce, outside),
                NetworkVerdict::Refused,
                "{outside}"
            );
        }
    }

    #[test]
    fn a_network_is_written_as_it_is_meant() {
        for (text, meant) in [
            ("192.0.2.1", "192.0.2.1/32"),
            (" 192.0.2.0/24 ", "192.0.2.0/24"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), meant);
        }
        for text in [
            "",
            "example.org",
            "192.0.2.0/33",
            "192.0.2",
            "192.0.2.0/24,",
            "1/8",
        ] {
            assert_eq!(parse(text), Err(InvalidNetwork::Form), "{text}");
        }
        assert!(matches!(parse("192.0.2.7/24"), Err(InvalidNetwork::HostBits(..))));
        assert_eq!(parse("::ffff:192.0.2.0/120"), Err(InvalidNetwork::Mapped));
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/7", "2000::/3"] {
            assert!(matches!(
                parse(text),
                Err(InvalidNetwork::TooWide(_) | InvalidNetwork::HostBits(..))
            ));
        }
    }

    #[test]
    fn what_was_seen_is_proposed_in_as_few_networks_as_say_it() {
        let seen = [
            "192.0.2.1",
            "198.51.100.1",
            "192.0.2.2",
            "192.0.2.3",
            "2001:db8::",
            "198.51.100.2",
        ];
        let seen = seen.map(|text| text.parse().unwrap());
        let proposed: Vec<String> = proposed(&seen).iter().map(IpNet::to_string).collect();
        assert_eq!(
            proposed,
            [
                "192.0.2.0/24",
                "198.51.100.1/32",
                "198.51.100.2/32",
                "2001:db8::/64"
            ]
        );
    }
}
