//! `wmda-auth demo`: the whole service with sample data, without further installation.

pub mod api;
mod keys;
mod samples;

use std::{
    fs,
    path::{Path, PathBuf},
};

use api::{Api, ServerAddresses};
use clap::Args;
use domain::pepper::Pepper;
use keystore::FIRST_ALGORITHMS;
use samples::Seeder;
use serde_json::{Value, json};

use crate::{
    Outcome, clock, configuration::reading, journal, keyring, logging, preparation, runtime::block_on, serve,
    tls,
};

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
    let mut configuration = reading::load(None, Some(&dir))?;
    let log = logging::start(configuration.log.format);
    let random = clock::system_random();
    if !configuration.secrets.pepper_file.exists() {
        keystore::write_private(
            &configuration.secrets.pepper_file,
            Pepper::generate(&*random)?.as_bytes(),
        )?;
    }
    let folder = keyring::folder(&configuration)?;
    let algorithms = [&FIRST_ALGORITHMS[..], &[configuration.tokens.signing_algorithm]].concat();
    folder.generate_missing(&algorithms, clock::SystemClock::start().now())?;
    if arguments.tls {
        tls::generate(&dir)?;
        configuration.server.tls_cert = Some(dir.join("tls-cert.pem"));
        configuration.server.tls_key = Some(dir.join("tls-key.pem"));
    }
    let mut prepared = preparation::prepare_from_nothing(&configuration)?;
    journal::replay(&prepared)?;
    prepared.makes_keys = Some(folder);
    let address = format!("127.0.0.1:{}", arguments.port);
    let listeners = serve::bind(&configuration, "--port", &address)?;
    let scheme = if arguments.tls { "https" } else { "http" };
    let url = match configuration.server.public_url.as_str() {
        "http://127.0.0.1:8080" => format!("{scheme}://{}", listeners.main.local_addr()?),
        configured => configured.to_owned(),
    };
    prepared.demo_api = Some(Api::new(ServerAddresses {
        public_url: &url,
        local_url: format!("{scheme}://{}", listeners.main.local_addr()?),
        tenant_id: &configuration.entra.tenant_id,
        authority: arguments.tls.then(|| dir.join("tls-ca.pem")).as_deref(),
    })?);
    block_on(async {
        let now = prepared.clock.now();
        let management = serve::management(&configuration, &prepared, url.clone());
        let mut summary = Seeder {
            store: &prepared.store,
            allowed: management.operator("demo"),
            management: &management,
            pepper: &prepared.pepper,
            random: &*random,
            dir: &dir,
            now,
        }
        .seed()
        .await?;
        summary["base_url"] = json!(url);
        summary["issuer"] = json!(url);
        summary["api_url"] = json!(format!("{url}{}", api::PATH));
        summary["page_url"] = json!(format!("{url}/manage-api-credentials"));
        summary["tenant_id"] = json!(configuration.entra.tenant_id);
        summary["data_dir"] = json!(dir);
        summary["ca_file"] = json!(arguments.tls.then(|| dir.join("tls-ca.pem")));
        let ready = || announce(&summary, arguments.json);
        serve::serve(&configuration, prepared, listeners, url, (&log, ready)).await
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
         -d client_id={id} -d client_secret={secret} -d resource={resource}\n\n\
         Manage secrets at {page}. Sign in as one of these; the code is an authenticator's, or what\n\
         `oathtool --totp -b <secret>` prints:\n",
        url = text(&summary["base_url"]),
        tenant = text(&summary["tenant_id"]),
        id = text(&client["client_id"]),
        secret = text(&client["client_secret"]),
        resource = text(&client["resources"][0]),
        page = text(&summary["page_url"]),
    );
    for user in summary["users"].as_array().into_iter().flatten() {
        let [role, email, password, secret] =
            ["role", "email", "password", "totp_secret"].map(|name| text(&user[name]));
        println!("  {role:18}  {email:33}  password {password}  secret {secret}");
    }
    println!(
        "\nThe data lie in {}. Ctrl-C ends it.",
        text(&summary["data_dir"])
    );
}
