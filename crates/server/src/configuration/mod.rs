//! Configuration: `wmda-auth.toml`, overridden by `WMDA_AUTH__SECTION__KEY`; an unknown key is an error.

mod password_files;
pub mod reading;

use std::{fmt::Display, path::PathBuf, str::FromStr};

use domain::resource::SigningAlgorithm;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{identity::Identity, retention::Retention};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    pub server: Server,
    pub database: Database,
    pub keys: Keys,
    pub secrets: Secrets,
    pub tokens: Tokens,
    pub cache: Cache,
    pub entra: Entra,
    pub federation: Federation,
    #[serde(default)]
    pub identity: Identity,
    pub limits: Limits,
    pub mail: Mail,
    pub webhooks: Webhooks,
    pub retention: Retention,
    #[serde(default)]
    pub journal: Journal,
    #[serde(default)]
    pub audit: Audit,
    pub log: Log,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub bind: String,
    pub public_url: String,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub metrics_bind: Option<String>,
    pub trusted_proxies: Vec<IpOrNet>,
    pub workers: Option<usize>,
    /// How long `/readyz` fails after SIGTERM before the listener closes.
    pub drain_seconds: u64,
    /// How long start-up waits for an unreachable database.
    pub start_wait_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct IpOrNet(pub IpNet);

impl TryFrom<String> for IpOrNet {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        net.map(Self)
            .map_err(|_| "server.trusted_proxies holds something that is no address or network".to_owned())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub password_file: Option<PathBuf>,
    pub pool_size: u32,
    pub migrate: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(…)")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub dir: PathBuf,
    /// The file with the passphrase that encrypts the keys; without it they are not encrypted.
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    pub pepper_file: PathBuf,
    pub min_lifetime_minutes: u32,
    pub max_lifetime_days: u32,
    pub max_per_application: i64,
    pub rotation_overlap_days: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub lifetime_seconds: i64,
    #[serde(deserialize_with = "by_name")]
    pub signing_algorithm: SigningAlgorithm,
    #[serde(deserialize_with = "by_name")]
    pub dpop_nonce: DpopNonce,
}

/// Whether DPoP proofs must carry a nonce of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopNonce {
    Off,
    Required,
}

impl FromStr for DpopNonce {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "required" => Ok(Self::Required),
            _ => Err("unknown value: use off or required"),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    pub poll_ms: u64,
    pub lease_ms: u64,
    pub clients: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entra {
    pub tenant_id: String,
    pub tenant_aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    pub refused_issuers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub failures_per_second: u32,
    pub failure_burst: u32,
    pub login_failures: i64,
    pub secrets_per_hour: i64,
    pub mails_per_hour: i64,
    /// By default as many as the limit of open files allows, a quarter of them, or more if that is few, per source.
    pub connections: Option<usize>,
    pub connections_per_source: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    pub smtp_url: Option<String>,
    pub smtp_password_file: Option<PathBuf>,
    pub from: Option<String>,
    pub support_address: Option<String>,
    pub directory: PathBuf,
    #[serde(deserialize_with = "days")]
    pub thresholds_days: Vec<i32>,
    pub interval_seconds: u64,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail(…)")
    }
}

/// The journal, which survives a restore of the database.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// `file:PATH`; a file or a folder.
    pub url: Option<String>,
}

/// Evidence of the audit trail outside the database.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The file to which anchors are appended every hour.
    pub anchor: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub allow_private: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[serde(deserialize_with = "by_name")]
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("unknown format: use text or json"),
        }
    }
}

/// Parses an enum by name; derived implementations don't list the known names.
fn by_name<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(value: D) -> Result<T, D::Error> {
    String::deserialize(value)?.parse().map_err(D::Error::custom)
}

/// Numbers from a list, or from a variable: a single one, or several separated by commas and spaces.
fn days<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<i32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Plain(i32),
        Text(String),
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(Number),
        Several(Vec<Number>),
    }
    let form = || D::Error::custom("mail.thresholds_days must be numbers of days, such as 30,7,1");
    let numbers = match Written::deserialize(value).map_err(|_| form())? {
        Written::One(number) => vec![number],
        Written::Several(numbers) => numbers,
    };
    let read = |number| match number {
        Number::Plain(number) => Ok(number),
        Number::Text(text) => text.trim().parse().map_err(|_| form()),
    };
    numbers.into_iter().map(read).collect()
}
