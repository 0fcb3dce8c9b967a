//! Configuration: `wmda-auth.toml`, overridden by `WMDA_AUTH__SECTION__KEY`; an unknown key is an error.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
};

use config::{Config, ConfigError, Environment, File};
use domain::resource::SigningAlgorithm;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{
    Outcome,
    identity::{Identity, SECRET_VARIABLE},
    retention::Retention,
    secret_files,
    trimmed::Trimmed,
    validation::{
        self,
        variables::{Misnamed, misnamed},
    },
};

const DEFAULTS: &str = r#"
[server]
bind = "127.0.0.1:8080"
public_url = "http://127.0.0.1:8080"
trusted_proxies = []
drain_seconds = 5
start_wait_seconds = 0
[database]
url = "sqlite:wmda-auth.db"
pool_size = 8
migrate = true
[keys]
dir = "keys"
[secrets]
pepper_file = "pepper"
min_lifetime_minutes = 60
max_lifetime_days = 365
max_per_application = 10
rotation_overlap_days = 7
[tokens]
lifetime_seconds = 3600
signing_algorithm = "ES256"
dpop_nonce = "off"
[cache]
poll_ms = 100
lease_ms = 500
clients = 200000
[entra]
tenant_id = "c3ab1869-1472-4577-b669-0d64c732e75c"
tenant_aliases = []
[limits]
failures_per_second = 200
failure_burst = 5000
login_failures = 10
secrets_per_hour = 60
mails_per_hour = 20
[mail]
directory = "mail"
thresholds_days = [60, 30, 14, 7, 3, 1, 0]
interval_seconds = 60
[federation]
refused_issuers = []

[webhooks]
allow_private = false
[retention]
token_counts_days = 400
mails_days = 400
webhook_deliveries_days = 90
deleted_secrets_days = 400
[log]
format = "text"
"#;

/// Defaults of a demo: mail goes to files, webhooks may point to this machine, and there is no draining.
const DEMO_MAIL: &str = r#"
mail.from = "WMDA Manage API Credentials <no-reply@wmda.example>"
mail.support_address = "support@wmda.example"
webhooks.allow_private = true
server.drain_seconds = 0
"#;

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

/// Reads a configuration and refuses one with problems.
pub fn load(file: Option<&Path>, data_dir: Option<&Path>) -> Outcome<Configuration> {
    let (configuration, problems) = read(file, data_dir)?;
    match problems.is_empty() {
        true => Ok(configuration),
        false => Err(listed(&problems).into()),
    }
}

/// All problems, one per line.
pub fn listed(problems: &[String]) -> String {
    problems.join("\nwmda-auth: ")
}

/// Reads the file (if given and present), then the environment; `data_dir` moves the default paths into a folder.
/// Returns the problems, too, so that a caller can add to them.
pub fn read(file: Option<&Path>, data_dir: Option<&Path>) -> Outcome<(Configuration, Vec<String>)> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, config::FileFormat::Toml));
    if let Some(dir) = data_dir {
        let path = |name: &str| dir.join(name).display().to_string();
        builder = builder.add_source(File::from_str(
            &format!(
                "database.url = {:?}\nkeys.dir = {:?}\nsecrets.pepper_file = {:?}\nmail.directory = {:?}\n{DEMO_MAIL}",
                format!("sqlite:{}", path("wmda-auth.db")),
                path("keys"),
                path("pepper"),
                path("mail"),
            ),
            config::FileFormat::Toml,
        ));
    }
    if let Some(file) = file {
        let source = File::from(file).required(file != Path::new("wmda-auth.toml"));
        builder = builder.add_source(Trimmed(source));
    }
    let environment = Environment::with_prefix("WMDA_AUTH")
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .ignore_empty(true)
        .list_separator(",")
        .with_list_parse_key("server.trusted_proxies")
        .with_list_parse_key("entra.tenant_aliases")
        .with_list_parse_key("federation.refused_issuers")
        .with_list_parse_key("identity.oidc.scopes")
        .with_list_parse_key("identity.oidc.accepted_amr")
        .with_list_parse_key("identity.oidc.accepted_acr")
        .with_list_parse_key("mail.thresholds_days");
    refuse_written_secret(&builder)?;
    refuse_empty_database_url()?;
    let mut configuration: Configuration = builder
        .add_source(Trimmed(environment))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| sentence(&error, file))?;
    if let (Some(oidc), Some(secret)) = (&mut configuration.identity.oidc, variable(SECRET_VARIABLE)) {
        // The parser may have taken the secret for a number.
        oidc.client_secret = Some(secret.into());
    }
    let mut problems = misnamed_variables().keys;
    problems.extend(secret_files::apply(&mut configuration));
    problems.extend(validation::problems(&configuration));
    Ok((configuration, problems))
}

/// Environment variables that were meant for the server but are not read.
pub fn misnamed_variables() -> Misnamed {
    let names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    misnamed(names.iter().map(String::as_str))
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn variable(name: &str) -> Option<String> {
    let text = std::env::var(name).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Elsewhere an empty variable counts as unset; here the default would be another database.
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn refuse_empty_database_url() -> Outcome<()> {
    const NAME: &str = "WMDA_AUTH__DATABASE__URL";
    match std::env::var(NAME) {
        Ok(text) if text.trim().is_empty() => Err(format!(
            "database.url is empty, by the variable {NAME}: name the database, or unset the variable"
        )
        .into()),
        _ => Ok(()),
    }
}

/// The configuration file must name a file with the secret instead of holding it.
fn refuse_written_secret(builder: &config::ConfigBuilder<config::builder::DefaultState>) -> Outcome<()> {
    let written = builder.clone().build();
    let there = written.is_ok_and(|found| found.get_string("identity.oidc.client_secret").is_ok());
    if there {
        let remedy = "identity.oidc.client_secret does not belong into the configuration file: use \
                      identity.oidc.client_secret_file, or the variable";
        return Err(format!("{remedy} {SECRET_VARIABLE}").into());
    }
    Ok(())
}

/// Names the file or the key, and the expected value; never the value, which may be a password.
fn sentence(error: &ConfigError, file: Option<&Path>) -> String {
    match error {
        ConfigError::FileParse { cause, .. } => {
            let file = file.unwrap_or(Path::new("the configuration")).display();
            let text = cause.to_string();
            // The following lines quote the file's text.
            let place = text.lines().next().unwrap_or_default();
            format!("{file}: {place}; correct the file")
        }
        ConfigError::Type { expected, key, .. } => {
            format!("{} must be {expected}", key.as_deref().unwrap_or_default())
        }
        ConfigError::At { error, key, .. } => {
            let key = key.as_deref().unwrap_or_default();
            let text = sentence(error, file);
            let Some(unknown) = text.strip_prefix("unknown field `") else {
                return format!("{key}: {text}");
            };
            let dot = if key.is_empty() { "" } else { "." };
            let (field, known) = unknown.split_once("`, expected ").unwrap_or((unknown, ""));
            format!("{key}{dot}{field} is no configuration key; remove it, or use {known}")
        }
        other => other.to_string(),
    }
}
