//! Reads the configuration from defaults, file and environment, and finds its problems.

use std::path::Path;

use config::{Config, ConfigError, Environment, File};

use super::{Configuration, password_files};
use crate::{
    Outcome,
    identity::SECRET_VARIABLE,
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
    problems.extend(password_files::apply(&mut configuration));
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
