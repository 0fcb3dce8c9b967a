//! Parses the URL of a PostgreSQL as libpq does, as far as this product needs it.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::{Config, config::Host};

use crate::StoreError;

/// Default `connect_timeout` per host, including TLS and authentication.
const CONNECT: Duration = Duration::from_secs(2);
/// Default `tcp_user_timeout`.
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);
/// Defaults of TCP keepalive: idle time, interval, retries.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;
/// The usual folder of the server's Unix socket, for a URL without a host.
const SOCKETS: &str = "/var/run/postgresql";
/// Parameters of libpq that have no effect here.
const WITHOUT_MEANING: [&str; 4] = ["gssencmode", "sslcompression", "sslsni", "client_encoding"];

/// The URL of a PostgreSQL with its hosts. Its `Debug` and `Display` hide the password.
#[derive(Clone)]
pub struct PostgresUrl {
    pub(super) hosts: Vec<Config>,
    pub(super) tls: Tls,
    /// Time-out per host.
    pub(super) patience: Duration,
}

/// The URL's TLS parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) mode: TlsMode,
    /// `sslrootcert`: a file of certificate authorities; none, or `system`, for those of the system.
    pub(super) authorities: Option<PathBuf>,
    /// `sslcert` and `sslkey`: the client certificate.
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// `sslmode`, with libpq's semantics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TlsMode {
    Disable,
    /// Encrypted if the server can; the certificate is not verified.
    #[default]
    Prefer,
    /// Encrypted; the certificate is not verified, unless the URL names authorities.
    Require,
    /// The certificate is verified.
    VerifyAuthority,
    /// The certificate and its host name are verified.
    VerifyFull,
}

/// Parameters that are parsed here, as tokio-postgres does not know them or reads them differently.
#[derive(Default)]
struct Own {
    tls: Tls,
    patience: Option<Duration>,
    unacknowledged: Option<Duration>,
}

impl PostgresUrl {
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if !has_its_form(url) {
            return Err(StoreError::UrlForm);
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut own = Own::default();
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(StoreError::UrlParameters)?;
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| StoreError::UrlParameters)?;
            if let Some(name) = own.take(name, &value)? {
                kept.push(format!("{name}={}", pair.split_once('=').map_or("", |p| p.1)));
            }
        }
        let config =
            Config::from_str(&format!("{base}?{}", kept.join("&"))).map_err(|_| StoreError::UrlParameters)?;
        let hosts = each_host(&config, &own)?;
        Ok(Self {
            hosts,
            tls: own.tls,
            patience: own.patience.unwrap_or(CONNECT),
        })
    }
}

impl Own {
    /// Takes a parameter that is parsed here; otherwise returns its name for tokio-postgres.
    fn take<'a>(&mut self, name: &'a str, value: &str) -> Result<Option<&'a str>, StoreError> {
        let path = || Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty());
        match name {
            "sslmode" => self.tls.mode = mode(value)?,
            "sslrootcert" => self.tls.authorities = path(),
            "sslcert" => self.tls.certificate = path(),
            "sslkey" => self.tls.key = path(),
            "connect_timeout" => self.patience = after(value, Duration::from_secs)?,
            "tcp_user_timeout" => self.unacknowledged = after(value, Duration::from_millis)?,
            "keepalives_count" => return Ok(Some("keepalives_retries")),
            "fallback_application_name" => return Ok(Some("application_name")),
            // Whatever the URL says, only a writable server is accepted.
            "target_session_attrs" => match value {
                "any" | "read-write" | "primary" => {}
                _ => return Err(StoreError::ReadOnlyUrl),
            },
            name if WITHOUT_MEANING.contains(&name) => {}
            name => return Ok(Some(name)),
        }
        Ok(None)
    }
}

fn mode(value: &str) -> Result<TlsMode, StoreError> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "allow" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyAuthority,
        "verify-full" => TlsMode::VerifyFull,
        _ => return Err(StoreError::UrlParameters),
    })
}

/// Parses a time-out; 0 and less mean none, for which the default is taken, since nothing may wait forever here.
fn after(value: &str, unit: fn(u64) -> Duration) -> Result<Option<Duration>, StoreError> {
    let number: i64 = value.parse().map_err(|_| StoreError::UrlParameters)?;
    Ok(u64::try_from(number).ok().filter(|number| *number > 0).map(unit))
}

/// One configuration per host, each with its own deadline.
fn each_host(config: &Config, own: &Own) -> Result<Vec<Config>, StoreError> {
    let (names, addresses) = (config.get_hosts(), config.get_hostaddrs());
    if config.get_ports().len() > 1 && config.get_ports().len() != names.len().max(addresses.len()) {
        return Err(StoreError::UrlParameters);
    }
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(StoreError::UrlParameters);
    }
    let one = |number: usize| {
        let mut one = without_host(config, own);
        match names.get(number) {
            Some(Host::Tcp(name)) => drop(one.host(name)),
            Some(Host::Unix(folder)) => drop(one.host_path(folder)),
            None if addresses.is_empty() => drop(one.host_path(SOCKETS)),
            None => {}
        }
        if let Some(address) = addresses.get(number) {
            one.hostaddr(*address);
        }
        let ports = config.get_ports();
        if let Some(port) = ports.get(number).or(ports.first()) {
            one.port(*port);
        }
        one
    };
    Ok((0..names.len().max(addresses.len()).max(1)).map(one).collect())
}

fn without_host(config: &Config, own: &Own) -> Config {
    let mut one = Config::new();
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    let given = config.get_keepalives_idle() != Config::new().get_keepalives_idle();
    one.application_name(config.get_application_name().unwrap_or("wmda-auth"))
        .channel_binding(config.get_channel_binding())
        .ssl_negotiation(config.get_ssl_negotiation())
        .tcp_user_timeout(own.unacknowledged.unwrap_or(UNACKNOWLEDGED))
        .keepalives(config.get_keepalives())
        .keepalives_idle(if given {
            config.get_keepalives_idle()
        } else {
            KEEPALIVE_IDLE
        })
        .keepalives_interval(config.get_keepalives_interval().unwrap_or(KEEPALIVE_INTERVAL))
        .keepalives_retries(config.get_keepalives_retries().unwrap_or(KEEPALIVE_RETRIES));
    one
}

/// Whether user and password are delimited unambiguously: otherwise a part of the password would be taken for a host
/// or database name and appear in errors.
fn has_its_form(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or("", |parts| parts.1);
    let end = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(end);
    let hosts = authority.rsplit_once('@').map_or(authority, |parts| parts.1);
    let encoded = |text: &str| {
        text.split('%').skip(1).all(|after| {
            let mut digits = after.bytes();
            (0..2).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
        })
    };
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:,[]%".contains(&byte);
    authority.matches('@').count() <= 1 && !rest.contains('@') && encoded(url) && hosts.bytes().all(in_host)
}

/// Host and port, for errors and the log.
pub(super) fn place(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let address = config.get_hostaddrs().first().map(ToString::to_string);
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        Some(Host::Unix(folder)) => format!("{}/.s.PGSQL.{port}", folder.display()),
        None => format!("{}:{port}", address.unwrap_or_default()),
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.hosts.iter().map(place).collect();
        let first = self.hosts.first();
        let user = first.and_then(Config::get_user);
        let name = first.and_then(Config::get_dbname).or(user);
        f.write_str("postgres://")?;
        if let Some(user) = user {
            write!(f, "{user}@")?;
        }
        write!(f, "{}/{}", places.join(","), name.unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> PostgresUrl {
        PostgresUrl::parse(url).unwrap()
    }

    #[test]
    fn l02_a_url_whose_password_would_be_printed_is_refused_without_it() {
        for url in [
            "postgres://user:pass@sentinel@host/db",
            "postgres://user:pass/sentinel@host/db",
            "postgres://user:123/sentinel@host/db",
            "postgres://user:pass?sentinel@host/db",
            "postgres://user:pass%sentinel@host/db",
            "postgres://user:sentinel%4@host/db",
            "postgres://user@sentinel:pass@host/db",
            "postgres://user:sentinel@wo rd/db",
        ] {
            let error = PostgresUrl::parse(url).unwrap_err();
            assert!(matches!(error, StoreError::UrlForm), "{url}");
            assert!(!error.to_string().contains("sentinel"), "{error}");
        }
        for url in [
            "postgres://host/db",
            "postgres://user@host/db",
            "postgres://user:pass:word#;%40%2F@host:5432,other:5433/db?sslmode=require",
            "postgresql://user:password@[::1]:5432/db",
            "postgres:///db?host=/run/postgresql",
        ] {
            assert!(PostgresUrl::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn l02_an_error_about_the_parameters_quotes_nothing_of_them() {
        for query in [
            "?sslmode=secret",
            "?secret=1",
            "?secret",
            "?connect_timeout=secret",
            "?port=secret",
        ] {
            let error =
                PostgresUrl::parse(&format!("postgres://user:secret@127.0.0.1:1/db{query}")).unwrap_err();
            let text = error.to_string();
            assert!(
                !text.contains("secret") && text.contains("question mark"),
                "{text}"
            );
        }
        let error = PostgresUrl::parse("postgres://user:secret@127.0.0.1:99999/db").unwrap_err();
        assert!(error.to_string().contains("port"), "{error}");
    }

    #[test]
    fn what_is_printed_names_hosts_user_and_database_and_no_password() {
        let url = parsed("postgres://me:s3ntinel@one:5433,[::1]/db?sslmode=disable");
        assert_eq!(url.to_string(), "postgres://me@one:5433,::1:5432/db");
        assert_eq!(format!("{url:?}"), url.to_string());
    }

    #[test]
    fn each_host_has_a_configuration_of_its_own_with_the_rest_of_the_url() {
        let url = parsed("postgres://me:word@one:1,two:2/db?options=-c%20work_mem%3D1MB&keepalives_count=9");
        let [one, two] = url.hosts.as_slice() else {
            panic!("{url}");
        };
        assert_eq!([place(one), place(two)], ["one:1", "two:2"]);
        for host in [one, two] {
            assert_eq!(host.get_password(), Some(&b"word"[..]));
            assert_eq!(host.get_options(), Some("-c work_mem=1MB"));
            assert_eq!(host.get_keepalives_retries(), Some(9));
            assert_eq!(host.get_keepalives_idle(), KEEPALIVE_IDLE);
            assert_eq!(host.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED));
        }
    }

    #[test]
    fn time_outs_are_read_in_the_units_of_libpq() {
        let url = parsed("postgres://host/db?connect_timeout=7&tcp_user_timeout=1500");
        assert_eq!(url.patience, Duration::from_secs(7));
        assert_eq!(
            url.hosts[0].get_tcp_user_timeout(),
            Some(&Duration::from_millis(1500))
        );
        assert_eq!(parsed("postgres://host/db?connect_timeout=0").patience, CONNECT);
    }

    #[test]
    fn a_url_that_asks_for_a_standby_is_refused() {
        for wish in ["standby", "read-only", "prefer-standby"] {
            let error =
                PostgresUrl::parse(&format!("postgres://host/db?target_session_attrs={wish}")).unwrap_err();
            assert!(matches!(error, StoreError::ReadOnlyUrl), "{error}");
        }
        parsed("postgres://host/db?target_session_attrs=any");
    }
}
