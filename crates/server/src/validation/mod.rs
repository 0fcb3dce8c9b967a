//! Validation beyond the types of configuration keys: each problem is a sentence that names the key and the remedy.

mod addresses;
mod pinned;
pub mod ports;
pub mod variables;

use std::ops::RangeInclusive;

use store::memory::LEASE_MS;

use crate::configuration::{Configuration, Entra};

pub use addresses::{doubts, host, is_loopback};

/// Why the server would refuse to start.
pub fn problems(configuration: &Configuration) -> Vec<String> {
    let limits = numbers(configuration)
        .into_iter()
        .filter(|(is_wrong, _)| *is_wrong)
        .map(|(_, sentence)| sentence.to_owned());
    addresses::problems(&configuration.server)
        .into_iter()
        .chain(limits)
        .collect()
}

fn numbers(configuration: &Configuration) -> Vec<(bool, &'static str)> {
    let Configuration {
        server,
        tokens,
        cache,
        secrets,
        limits,
        mail,
        ..
    } = configuration;
    vec![
        (
            !is_tenant(&configuration.entra.tenant_id),
            "entra.tenant_id must be a GUID such as c3ab1869-1472-4577-b669-0d64c732e75c, or a domain name",
        ),
        (
            !aliases_are_names(&configuration.entra),
            "entra.tenant_aliases must be names such as wmda.info: letters, digits, '-', '.' and '_'",
        ),
        (
            !(1..=MOST_CONNECTIONS).contains(&configuration.database.pool_size),
            "database.pool_size must lie between 1 and 500; 8 serve thousands of requests a second, and Postgres allows 100 by default",
        ),
        (
            !(60..=86_400).contains(&tokens.lifetime_seconds),
            "tokens.lifetime_seconds must lie between 60 and 86400",
        ),
        (
            !LEASE_MS.contains(&cache.lease_ms),
            "cache.lease_ms must lie between 100 and 5000: every DELETE waits for the longest of any node",
        ),
        (
            !(10..=cache.lease_ms / 2).contains(&cache.poll_ms),
            "cache.poll_ms must be at least 10 and at most half of cache.lease_ms",
        ),
        (
            !CLIENTS_REMEMBERED.contains(&cache.clients),
            "cache.clients must lie between 100 and 10000000; each takes about a kilobyte of memory once it has asked",
        ),
        (
            !(1..=365).contains(&secrets.max_lifetime_days),
            "secrets.max_lifetime_days must lie between 1 and 365",
        ),
        (
            !(1..=90).contains(&secrets.rotation_overlap_days),
            "secrets.rotation_overlap_days must lie between 1 and 90",
        ),
        (
            secrets.min_lifetime_minutes > 1440,
            "secrets.min_lifetime_minutes must lie between 0 and 1440",
        ),
        (
            limits.secrets_per_hour < 1 || limits.mails_per_hour < 1,
            "limits.secrets_per_hour and limits.mails_per_hour must be at least 1",
        ),
        (
            secrets.max_per_application < 1 || limits.login_failures < 1,
            "secrets.max_per_application and limits.login_failures must be at least 1",
        ),
        (
            [limits.connections, limits.connections_per_source].contains(&Some(0)),
            "limits.connections and limits.connections_per_source must be at least 1",
        ),
        (
            server.drain_seconds > 3600 || server.start_wait_seconds > 86_400,
            "server.drain_seconds must be at most 3600, server.start_wait_seconds at most 86400",
        ),
        (
            configuration.retention.is_wrong(),
            "retention.*_days must be at most 36500, or 0 to keep for ever; retention.mails_days at least 31",
        ),
        (
            mail.interval_seconds == 0,
            "mail.interval_seconds must be at least 1",
        ),
        (
            server.workers == Some(0) || server.workers.is_some_and(|workers| workers > 512),
            "server.workers must be at least 1 and at most 512; leave it out for one worker per core",
        ),
        (
            server.tls_cert.is_some() != server.tls_key.is_some(),
            "server.tls_cert and server.tls_key go together: set both or none",
        ),
    ]
}

/// Bounds of the client cache: fewer than WMDA's clients would cost a query for many requests; more would not fit
/// into memory.
const CLIENTS_REMEMBERED: RangeInclusive<usize> = 100..=10_000_000;
/// Limit of the pool: each connection is a process of Postgres.
const MOST_CONNECTIONS: u32 = 500;

/// A GUID, or a domain, as tenants of Entra are named. A GUID with a digit missing would be a tenant that no client
/// knows.
fn is_tenant(name: &str) -> bool {
    let is_guid = name.len() == 36 && name.parse::<uuid::Uuid>().is_ok();
    is_guid || (is_in_path(name) && addresses::is_domain(name) && name.contains('.'))
}

fn aliases_are_names(entra: &Entra) -> bool {
    entra.tenant_aliases.iter().all(|name| is_in_path(name))
}

/// Whether a tenant's name can stand in a path.
fn is_in_path(name: &str) -> bool {
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.bytes().all(in_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_guid_or_a_domain() {
        for good in [
            "c3ab1869-1472-4577-b669-0d64c732e75c",
            "wmda.info",
            "wmda.onmicrosoft.com",
        ] {
            assert!(is_tenant(good), "{good}");
        }
        for bad in [
            "",
            "c3ab1869-1472-4577-b669-0d64c732e75",
            "common",
            "a b",
            "wmda..info",
            ".info",
            "a/b.info",
        ] {
            assert!(!is_tenant(bad), "{bad}");
        }
    }
}
