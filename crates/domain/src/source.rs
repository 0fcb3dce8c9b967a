//! Source addresses as rate limits group them.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv6 address is grouped by its /64, as one subscriber has all of it (RFC 6177 §2). An IPv4 address stays as it
/// is, also when mapped into IPv6 (RFC 4291 §2.5.5.2).
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x01_an_ipv6_network_of_64_bits_is_one_source_and_an_ipv4_address_another() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
