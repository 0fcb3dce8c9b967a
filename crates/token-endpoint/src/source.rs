//! Where a request comes from: the peer, or what trusted proxies say of it.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The right-most address in `X-Forwarded-For` that is not a trusted proxy's; the header counts only from one.
pub(crate) fn source(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut nearest = peer;
    let headers: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .collect();
    for hop in headers.join(",").rsplit(',') {
        let Ok(address) = hop.trim().parse() else { break };
        nearest = address;
        if !is_trusted(&address) {
            break;
        }
    }
    nearest
}
