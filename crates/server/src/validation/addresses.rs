//! Validates listen addresses and the public URL.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::configuration::{Configuration, Server};

/// Problems with these addresses.
pub fn problems(server: &Server) -> Vec<String> {
    let metrics = server.metrics_bind.as_deref();
    let listened = [
        ("server.bind", Some(server.bind.as_str())),
        ("server.metrics_bind", metrics),
    ];
    let malformed = listened
        .into_iter()
        .filter_map(|(key, address)| malformed(key, address?));
    let equal = metrics.filter(|metrics| is_same(&server.bind, metrics)).map(|_| {
        "server.metrics_bind is the address of server.bind: give metrics another port, which only the operator's network reaches"
            .to_owned()
    });
    public_url(&server.public_url)
        .map(str::to_owned)
        .into_iter()
        .chain(malformed)
        .chain(equal)
        .collect()
}

/// Warnings about settings that suit only a developer's machine.
pub fn doubts(configuration: &Configuration) -> Vec<String> {
    let Server { bind, public_url, .. } = &configuration.server;
    let outside = listens_outside(bind) && is_loopback(public_url);
    let doubt = format!(
        "server.public_url is {public_url}, where nobody else can reach this server, while server.bind {bind} lets everybody in: \
         set server.public_url to the address that clients use"
    );
    outside.then_some(doubt).into_iter().collect()
}

/// Whether an origin is on this machine.
pub fn is_loopback(origin: &str) -> bool {
    let host = origin.split_once("://").map_or(origin, |parts| parts.1);
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host == *name || host.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

/// The host of an origin, as in a certificate.
pub fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |parts| parts.1);
    match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// A domain name: letters, digits and hyphens between dots (RFC 1123); underscores too, which some have.
pub fn is_domain(name: &str) -> bool {
    let of_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| {
        let hyphen = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(of_label) && !hyphen
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn public_url(url: &str) -> Option<&'static str> {
    let Some((scheme, host)) = url.split_once("://") else {
        return Some("server.public_url must be an origin such as https://auth.example.org");
    };
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("server.public_url must be of printable ASCII characters, without white space");
    }
    if host.is_empty() || host.contains(['/', '?', '#']) {
        return Some("server.public_url must be an origin without a path or slash at its end");
    }
    if scheme != "https" && !(scheme == "http" && is_loopback(url)) {
        return Some("server.public_url must be https; http is allowed on loopback only");
    }
    let parsed = Url::parse(url)
        .ok()
        .filter(|url| url.username().is_empty() && url.password().is_none());
    let named = parsed
        .as_ref()
        .and_then(Url::host)
        .is_some_and(|host| match host {
            Host::Domain(name) => is_domain(name),
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        });
    (!named).then_some(
        "server.public_url must name a host, and a port at most, such as https://auth.example.org: this is neither a domain name nor an address",
    )
}

fn malformed(key: &str, address: &str) -> Option<String> {
    let by_name = || {
        let (host, port) = address.rsplit_once(':')?;
        (is_domain(host) && port.parse::<u16>().is_ok()).then_some(())
    };
    let known = address.parse::<SocketAddr>().is_ok() || by_name().is_some();
    (!known).then(|| format!("{key} must be an address and a port, such as 0.0.0.0:8443 or [::]:8443"))
}

/// Whether both listeners would bind the same port.
fn is_same(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (one.parse::<SocketAddr>(), other.parse::<SocketAddr>()) else {
        return one == other;
    };
    let covers =
        |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv4() == ip.is_ipv4() || all.is_ipv6());
    let overlap = one.ip() == other.ip() || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip());
    one.port() != 0 && one.port() == other.port() && overlap
}

fn listens_outside(bind: &str) -> bool {
    match bind.parse::<SocketAddr>() {
        Ok(address) => !address.ip().is_loopback(),
        Err(_) => !bind.starts_with("localhost:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin_and_what_is_not_is_told_as_such() {
        for good in [
            "https://auth.example.org",
            "https://auth.example.org:8443",
            "https://192.0.2.1",
            "https://[2001:db8::1]:8443",
            "http://127.0.0.1:8080",
        ] {
            assert_eq!(public_url(good), None, "{good}");
        }
        for bad in [
            "https://auth..example.org",
            "https://auth_.-.org",
            "https://user@auth.example.org",
            "https://auth.example.org:port",
            "https://auth.example.org:99999",
            "https://auth.example.org?x",
            "https://",
            "https://a|b",
        ] {
            assert!(
                public_url(bad).is_some_and(|told| told.contains("server.public_url")),
                "{bad}"
            );
        }
    }

    #[test]
    fn addresses_to_listen_on_have_a_form_and_two_don_t_collide() {
        for good in ["0.0.0.0:8443", "[::]:8443", "localhost:8080", "127.0.0.1:0"] {
            assert_eq!(malformed("server.bind", good), None, "{good}");
        }
        for bad in [
            "",
            "8080",
            ":8080",
            "nonsense",
            "0.0.0.0",
            "0.0.0.0:99999",
            "::1:8080x",
            "http://0.0.0.0:80",
            "a b:80",
        ] {
            assert!(malformed("server.bind", bad).is_some(), "{bad}");
        }
        for (one, other, same) in [
            ("127.0.0.1:9000", "127.0.0.1:9000", true),
            ("0.0.0.0:9000", "127.0.0.1:9000", true),
            ("127.0.0.1:9000", "[::]:9000", true),
            ("127.0.0.1:9000", "127.0.0.2:9000", false),
            ("127.0.0.1:9000", "127.0.0.1:9001", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("localhost:80", "localhost:80", true),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
        }
    }
}
