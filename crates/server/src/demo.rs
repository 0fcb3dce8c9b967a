//! `wmda-auth demo`: the whole service with sample data; nothing else installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::{
    application::{Application, ApplicationName},
    organisation::Organisation,
    pepper::Pepper,
    random,
    resource::{Environment, Resource, SigningAlgorithm},
    secret::NewSecret,
};
use keystore::KeyFolder;
use ring::rand::SecureRandom;
use serde_json::{Value, json};
use store::{NewClientSecret, Store, StoreError};
use uuid::Uuid;

use crate::{Outcome, clock, configuration, serve, tls};

/// WMDA's resources: name, environment, id.
const RESOURCES: [(&str, Environment, &str); 6] = [
    (
        "Search & Match",
        Environment::Production,
        "5df05a6d-8ef0-49fe-9441-62cd9b540376",
    ),
    (
        "Search & Match",
        Environment::Sandbox,
        "f6d78a69-c840-46a2-941b-a0e08f9296e7",
    ),
    (
        "Match-Connect",
        Environment::Production,
        "00f6f281-2c36-45a4-97ae-79d745265090",
    ),
    (
        "Match-Connect",
        Environment::Sandbox,
        "fd05059b-9c9e-443c-a7e7-bc4ddfe29f5c",
    ),
    (
        "Data Manager",
        Environment::Production,
        "577a3074-a64c-44e5-b394-bf40eb53413a",
    ),
    (
        "Data Manager",
        Environment::Sandbox,
        "4ff9e943-41d7-4430-b1cf-5502b9440601",
    ),
];
const SMC: &[usize] = &[1, 3];
const DM: &[usize] = &[5];
/// Organisation, country, application, granted resources.
const CLIENTS: [(&str, &str, &str, &[usize]); 5] = [
    ("Example Registry", "NL", "Partner-NL-ExampleRegistry-SMC", SMC),
    ("Example Registry", "NL", "Partner-NL-ExampleRegistry-DM", DM),
    (
        "Sample Transplant Centre",
        "DE",
        "Partner-DE-SampleCentre-SMC",
        SMC,
    ),
    ("Sample Transplant Centre", "DE", "Partner-DE-SampleCentre-DM", DM),
    (
        "Sample Transplant Centre",
        "DE",
        "PartnerAlternative-DE-SampleCentre-SMC",
        &[3],
    ),
];

#[derive(Args)]
pub struct DemoArguments {
    /// The port; 0 takes any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where data is kept; a fresh temporary folder without it.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Serve https with a certificate made on the spot.
    #[arg(long)]
    tls: bool,
    /// Print one line of JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: DemoArguments) -> Outcome<()> {
    let temporary = tempfile::Builder::new().prefix("wmda-auth-demo-").tempdir()?;
    let dir = arguments
        .data_dir
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    create_private_dir(&dir)?;
    let dir = dir.canonicalize()?;
    let mut configuration = configuration::load(None, Some(&dir))?;
    let _log = serve::start_log(configuration.log.format);
    let random = clock::system_random();
    if !configuration.secrets.pepper_file.exists() {
        keystore::write_private(
            &configuration.secrets.pepper_file,
            Pepper::generate(&*random)?.as_bytes(),
        )?;
    }
    KeyFolder(configuration.keys.dir.clone()).generate_missing(clock::SystemClock::start().now())?;
    if arguments.tls {
        tls::generate(&dir)?;
        configuration.server.tls_cert = Some(dir.join("tls-cert.pem"));
        configuration.server.tls_key = Some(dir.join("tls-key.pem"));
    }
    let prepared = serve::prepare(&configuration)?;
    let listener = serve::bind(&format!("127.0.0.1:{}", arguments.port))?;
    let scheme = if arguments.tls { "https" } else { "http" };
    let url = match configuration.server.public_url.as_str() {
        "http://127.0.0.1:8080" => format!("{scheme}://{}", listener.local_addr()?),
        configured => configured.to_owned(),
    };
    actix_web::rt::System::new().block_on(async {
        let now = prepared.clock.now();
        let mut summary = Seeder {
            store: &prepared.store,
            pepper: &prepared.pepper,
            random: &*random,
            now,
        }
        .seed()
        .await?;
        summary["base_url"] = json!(url);
        summary["issuer"] = json!(url);
        summary["tenant_id"] = json!(configuration.entra.tenant_id);
        summary["data_dir"] = json!(dir);
        summary["ca_file"] = json!(arguments.tls.then(|| dir.join("tls-ca.pem")));
        announce(&summary, arguments.json);
        serve::serve(&configuration, prepared, listener, url).await
    })
}

fn create_private_dir(dir: &Path) -> Outcome<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?)
}

fn announce(summary: &Value, as_json: bool) {
    if as_json {
        println!("{summary}");
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let client = &summary["clients"][0];
    let authority = summary["ca_file"]
        .as_str()
        .map(|file| format!(" --cacert {file}"))
        .unwrap_or_default();
    println!(
        "wmda-auth is ready on {url}. Get a token:\n\n  curl{authority} {url}/{tenant}/oauth2/token -d grant_type=client_credentials \
         -d client_id={id} -d client_secret={secret} -d resource={resource}\n",
        url = text(&summary["base_url"]),
        tenant = text(&summary["tenant_id"]),
        id = text(&client["client_id"]),
        secret = text(&client["client_secret"]),
        resource = text(&client["resources"][0]),
    );
}

/// Fills the store with samples; what is there stays, its sample secrets are replaced.
struct Seeder<'a> {
    store: &'a Store,
    pepper: &'a Pepper,
    random: &'a dyn SecureRandom,
    now: DateTime<Utc>,
}

impl Seeder<'_> {
    async fn seed(&self) -> Outcome<Value> {
        for (name, environment, id) in RESOURCES {
            accept_existing(self.store.create_resource(resource(name, environment, id)?).await)?;
        }
        let mut clients = Vec::new();
        for (organisation, country, name, granted) in CLIENTS {
            let client_id = self.application(organisation, country, name, granted).await?;
            let (secret_id, value) = self
                .replace_secret(client_id, "demo", TimeDelta::days(365))
                .await?;
            clients.push(json!({
                "name": name, "client_id": client_id, "client_secret": value, "secret_id": secret_id,
                "resources": granted.iter().map(|at| RESOURCES[*at].2).collect::<Vec<_>>(),
            }));
        }
        let first = self
            .store
            .application_named(CLIENTS[0].2.to_owned())
            .await?
            .ok_or("the sample is incomplete")?;
        self.replace_secret(first, "demo, expires in 20 days", TimeDelta::days(20))
            .await?;
        let (_, expired) = self
            .replace_secret(first, "demo, expired", TimeDelta::days(-1))
            .await?;
        Ok(json!({
            "clients": clients, "expired": { "client_id": first, "client_secret": expired },
            "resource_servers": [], "users": [],
        }))
    }

    async fn application(
        &self,
        organisation: &str,
        country: &str,
        name: &str,
        granted: &[usize],
    ) -> Outcome<Uuid> {
        let known = self.store.organisation_named(organisation.to_owned()).await?;
        let organisation_id = known.map_or_else(|| random::uuid(self.random), Ok)?;
        if known.is_none() {
            let (name, country_code) = (organisation.to_owned(), country.to_owned());
            self.store
                .create_organisation(Organisation {
                    id: organisation_id,
                    name,
                    country_code,
                    enabled: true,
                })
                .await?;
        }
        if let Some(client_id) = self.store.application_named(name.to_owned()).await? {
            return Ok(client_id);
        }
        let client_id = random::uuid(self.random)?;
        let name = ApplicationName::parse(name)?;
        self.store
            .create_application(Application {
                client_id,
                organisation_id,
                name,
                enabled: true,
            })
            .await?;
        for at in granted {
            let (name, environment, id) = RESOURCES[*at];
            let resource = resource(name, environment, id)?;
            self.store.grant(client_id, resource.id, resource.roles).await?;
        }
        Ok(client_id)
    }

    async fn replace_secret(&self, client_id: Uuid, name: &str, life: TimeDelta) -> Outcome<(Uuid, String)> {
        for old in self.store.secrets_named(client_id, name.to_owned()).await? {
            self.store.delete_secret(client_id, old, self.now).await?;
        }
        let secret = NewSecret::generate(self.random)?;
        let id = random::uuid(self.random)?;
        self.store
            .create_secret(NewClientSecret {
                id,
                client_id,
                name: name.to_owned(),
                hint: secret.hint().to_owned(),
                digest: self.pepper.digest(client_id, secret.reveal()),
                created_by: "demo".to_owned(),
                created_at: self.now.min(self.now + life - TimeDelta::days(1)),
                expires_at: self.now + life,
            })
            .await?;
        Ok((id, secret.reveal().to_owned()))
    }
}

fn resource(name: &str, environment: Environment, id: &str) -> Outcome<Resource> {
    let data_manager = name == "Data Manager";
    let roles = if data_manager {
        vec!["Data.Upload".to_owned()]
    } else {
        vec!["Search.Read".to_owned(), "Search.Write".to_owned()]
    };
    Ok(Resource {
        id: Uuid::try_parse(id)?,
        uri: None,
        name: name.to_owned(),
        environment,
        token_lifetime_seconds: None,
        signing_algorithm: data_manager.then_some(SigningAlgorithm::RS256),
        roles,
    })
}

fn accept_existing(outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Err(StoreError::Conflict) => Ok(()),
        other => other,
    }
}
