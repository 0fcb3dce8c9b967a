//! The source address of a request: the peer's, or the one that trusted proxies report.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderName},
};
use ipnet::IpNet;
use rfc7239::NodeName;

/// The right-most untrusted address in `X-Forwarded-For`, or in `Forwarded` (RFC 7239) where that is absent. The
/// headers count only from a trusted proxy.
pub(crate) fn source(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map(|address| address.ip().to_canonical());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut nearest = peer;
    for hop in hops(request.headers()).into_iter().rev() {
        let Some(address) = hop.map(|address| address.to_canonical()) else {
            break;
        };
        nearest = address;
        if !is_trusted(&address) {
            break;
        }
    }
    nearest
}

/// The forwarding chain, the nearest hop last; `None` for a hop that is no address.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    if headers.contains_key(header::X_FORWARDED_FOR) {
        let list = joined(headers, &header::X_FORWARDED_FOR);
        return list.split(',').map(|hop| address(hop.trim())).collect();
    }
    let list = joined(headers, &header::FORWARDED);
    let elements = rfc7239::parse(&list).map(|element| match element.ok()?.forwarded_for?.name {
        NodeName::Ip(address) => Some(address),
        _ => None,
    });
    elements.collect()
}

/// Repeated headers of one name form one list (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Parses an address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse()
        .ok()
        .or_else(in_brackets)
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn from(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 1));
        for header in headers {
            request = request.append_header(*header);
        }
        source(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn a_hop_is_read_however_balancers_write_it() {
        for (written, meant) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:51008", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("198.51.100.9, 203.0.113.7:1 , 10.0.0.2:80", "203.0.113.7"),
            ("198.51.100.9, unknown, 10.0.0.2", "10.0.0.2"),
            ("203.0.113.7:", "10.0.0.1"),
            ("203.0.113.7:70000", "10.0.0.1"),
            ("example.org", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(
                from("10.0.0.1", &[("x-forwarded-for", written)]),
                meant,
                "{written}"
            );
        }
    }

    #[test]
    fn rfc_7239_is_read_where_there_is_no_x_forwarded_for() {
        for (written, meant) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("For=\"203.0.113.7:4711\";proto=https;by=10.0.0.1", "203.0.113.7"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            (
                "for=198.51.100.9, for=203.0.113.7;host=example.org, for=10.0.0.2",
                "203.0.113.7",
            ),
            ("for=198.51.100.9, for=_hidden, for=10.0.0.2", "10.0.0.2"),
            ("for=unknown", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("nonsense", "10.0.0.1"),
        ] {
            assert_eq!(from("10.0.0.1", &[("forwarded", written)]), meant, "{written}");
        }
        let both = [
            ("forwarded", "for=198.51.100.9"),
            ("x-forwarded-for", "203.0.113.7"),
        ];
        assert_eq!(from("10.0.0.1", &both), "203.0.113.7");
    }

    #[test]
    fn a_proxy_on_a_dual_stack_address_is_recognised_and_a_stranger_is_believed_nothing() {
        let claim = [
            ("x-forwarded-for", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7"),
        ];
        assert_eq!(from("::ffff:10.0.0.1", &claim), "203.0.113.7");
        assert_eq!(from("fd00::1", &claim), "203.0.113.7");
        assert_eq!(from("::ffff:192.0.2.1", &claim), "192.0.2.1");
        let several = [
            ("x-forwarded-for", "198.51.100.9"),
            ("x-forwarded-for", "203.0.113.7"),
        ];
        assert_eq!(from("10.0.0.1", &several), "203.0.113.7", "RFC 9110 section 5.3");
    }
}
