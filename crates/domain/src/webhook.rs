//! Webhooks: their events, and their URLs, which are https on the public internet (protection against SSRF). Addresses
//! are checked again when the name is resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

const LONGEST: usize = 500;

/// Non-public networks (IANA special-purpose registries).
const SPECIAL_V4: [Ipv4Net; 15] = [
    Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 88, 99, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),
    Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),
    Ipv4Net::new_assert(Ipv4Addr::new(240, 0, 0, 0), 4),
];
/// Public unicast IPv6 is 2000::/3, except for networks that embed an IPv4 address or are for documentation.
const GLOBAL_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const SPECIAL_V6: [Ipv6Net; 4] = [
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    Ipv6Net::new_assert(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The event type of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// The secret was created.
    Created,
    /// It was deleted.
    Deleted,
    /// A threshold before its expiry was reached.
    Expiring,
    /// It expired.
    Expired,
    /// It was suspended.
    Suspended,
    /// Its suspension was taken back; an end by itself was announced with the suspension.
    Resumed,
    /// A system rotated it.
    Rotated,
    /// It was granted a grace period.
    Graced,
}

impl WebhookEvent {
    /// All event types.
    pub const ALL: &[Self] = &[
        Self::Created,
        Self::Deleted,
        Self::Expiring,
        Self::Expired,
        Self::Suspended,
        Self::Resumed,
        Self::Rotated,
        Self::Graced,
    ];

    /// The name in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "secret.created",
            Self::Deleted => "secret.deleted",
            Self::Expiring => "secret.expiring",
            Self::Expired => "secret.expired",
            Self::Suspended => "secret.suspended",
            Self::Resumed => "secret.resumed",
            Self::Rotated => "secret.rotated",
            Self::Graced => "secret.graced",
        }
    }

    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == text)
    }
}

/// Why a URL is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookUrl {
    /// Malformed.
    #[error(
        "url must be an https address such as https://hooks.example.org/wmda, without user, password or fragment"
    )]
    Form,
    /// Not public.
    #[error("url must not point to this machine or a private network")]
    Private,
}

/// Whether an address is on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|net| net.contains(&v4)),
        IpAddr::V6(v6) => GLOBAL_V6.contains(&v6) && !SPECIAL_V6.iter().any(|net| net.contains(&v6)),
    }
}

/// Validates a webhook's URL. With `allow_private` it may point to private addresses, and be http on loopback.
pub fn parse_url(text: &str, allow_private: bool) -> Result<Url, InvalidWebhookUrl> {
    let url = Url::parse(text).map_err(|_| InvalidWebhookUrl::Form)?;
    // The parsed form is stored, in which some characters are longer.
    let plain = url.as_str().len() <= LONGEST && !text.chars().any(char::is_control);
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let (Some(host), true, true) = (url.host(), plain, bare) else {
        return Err(InvalidWebhookUrl::Form);
    };
    let (public, loopback) = match host {
        Host::Ipv4(v4) => (is_public(v4.into()), v4.is_loopback()),
        Host::Ipv6(v6) => (is_public(v6.into()), v6.is_loopback()),
        Host::Domain(name) => {
            let here = name == "localhost" || name.ends_with(".localhost");
            (!here, here)
        }
    };
    match url.scheme() {
        "https" if public || allow_private => Ok(url),
        "http" if loopback && allow_private => Ok(url),
        "https" => Err(InvalidWebhookUrl::Private),
        _ => Err(InvalidWebhookUrl::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_points_to_the_public_internet_by_https() {
        for good in [
            "https://hooks.example.org/wmda?x=1",
            "https://8.8.8.8:8443/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(parse_url(good, false).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://hooks.example.org/", InvalidWebhookUrl::Form),
            ("ftp://hooks.example.org/", InvalidWebhookUrl::Form),
            ("file:///etc/passwd", InvalidWebhookUrl::Form),
            ("https://user:word@example.org/", InvalidWebhookUrl::Form),
            ("https://example.org/#x", InvalidWebhookUrl::Form),
            ("hooks", InvalidWebhookUrl::Form),
            ("http://127.0.0.1/", InvalidWebhookUrl::Form),
            ("https://127.0.0.1/", InvalidWebhookUrl::Private),
            ("https://2130706433/", InvalidWebhookUrl::Private),
            ("https://0x7f.1/", InvalidWebhookUrl::Private),
            ("https://localhost/", InvalidWebhookUrl::Private),
            ("https://a.localhost/", InvalidWebhookUrl::Private),
            ("https://10.1.2.3/", InvalidWebhookUrl::Private),
            (
                "https://169.254.169.254/latest/meta-data",
                InvalidWebhookUrl::Private,
            ),
            ("https://100.64.0.1/", InvalidWebhookUrl::Private),
            ("https://[::1]/", InvalidWebhookUrl::Private),
            ("https://[::ffff:127.0.0.1]/", InvalidWebhookUrl::Private),
            ("https://[64:ff9b::7f00:1]/", InvalidWebhookUrl::Private),
            ("https://[2002:7f00:1::]/", InvalidWebhookUrl::Private),
            ("https://[fd00::1]/", InvalidWebhookUrl::Private),
            ("https://[fe80::1]/", InvalidWebhookUrl::Private),
        ] {
            assert_eq!(parse_url(bad, false), Err(why), "{bad}");
        }
        assert!(parse_url("http://127.0.0.1:9/x", true).is_ok());
        assert!(parse_url("https://10.0.0.1/x", true).is_ok());
        assert!(parse_url("http://10.0.0.1/x", true).is_err());
    }
}
