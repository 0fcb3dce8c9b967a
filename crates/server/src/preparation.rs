//! Everything that must be right before a port is bound, loaded and checked.

use std::{fs, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper};
use keystore::{KeyFolder, KeySet};
use management::openid::{OpenIdSettings, Provider};
use store::{DatabaseUrl, Store, StoreError, memory::ClientMemory, usage::UsageRecorder};

use crate::{
    Outcome, clock, configuration::Configuration, exposure, identity::Oidc, mail, runtime::block_on, tls,
};

/// What must be right before the port is bound.
pub struct Prepared {
    pub store: Store,
    pub memory: Arc<ClientMemory>,
    pub pepper: Arc<Pepper>,
    /// Replaced as a whole when the folder changes.
    pub keys: Arc<ArcSwap<KeySet>>,
    /// Where a demo makes keys of further algorithms; nobody else does by itself, for other nodes would not have them.
    pub makes_keys: Option<KeyFolder>,
    pub usage: Arc<UsageRecorder>,
    pub clock: Arc<dyn Clock>,
    pub tls: Option<rustls::ServerConfig>,
    pub openid: Option<OpenIdSettings>,
}

pub fn prepare(configuration: &Configuration) -> Outcome<Prepared> {
    let clock = clock::SystemClock::start();
    let default = configuration.tokens.signing_algorithm;
    let keys = KeyFolder(configuration.keys.dir.clone()).load(clock.now(), default)?;
    let tls = load_tls(configuration)?;
    let openid = load_openid(configuration)?;
    let pepper = load_pepper(configuration)?;
    let store = open(configuration)?;
    if configuration.database.migrate {
        store.migrate()?;
    }
    store.verify_schema()?;
    verify_pepper(&store, &pepper, configuration)?;
    let lease = Duration::from_millis(configuration.cache.lease_ms);
    let memory = ClientMemory::new(store.clone(), Arc::clone(&clock) as _, lease);
    Ok(Prepared {
        store,
        memory: Arc::new(memory),
        pepper: Arc::new(pepper),
        keys: Arc::new(ArcSwap::from_pointee(keys)),
        makes_keys: None,
        usage: Arc::default(),
        clock,
        tls,
        openid,
    })
}

fn load_openid(configuration: &Configuration) -> Outcome<Option<OpenIdSettings>> {
    let oidc = configuration.identity.oidc.as_ref();
    oidc.map(Oidc::load).transpose()
}

fn load_tls(configuration: &Configuration) -> Outcome<Option<rustls::ServerConfig>> {
    match (&configuration.server.tls_cert, &configuration.server.tls_key) {
        (Some(certificate), Some(key)) => tls::load(certificate, key).map(Some),
        _ => Ok(None),
    }
}

fn open(configuration: &Configuration) -> Outcome<Store> {
    let url = DatabaseUrl::parse(&configuration.database.url)?;
    let store = Store::open(&url, configuration.database.pool_size.max(1));
    Ok(store.map_err(|error| format!("database.url: {error}"))?)
}

fn load_pepper(configuration: &Configuration) -> Outcome<Pepper> {
    let path = &configuration.secrets.pepper_file;
    let named = |error: &dyn std::fmt::Display| {
        format!(
            "{}: {error}; restore the pepper file, or make the first one with `wmda-auth pepper`",
            path.display()
        )
    };
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    Ok(Pepper::parse(&text).map_err(|error| named(&error))?)
}

/// A pepper that the database refuses is a matter of its file: the sentence names it.
fn verify_pepper(store: &Store, pepper: &Pepper, configuration: &Configuration) -> Outcome<()> {
    store.verify_pepper(pepper).map_err(|error| match error {
        StoreError::WrongPepper(_) => {
            let path = configuration.secrets.pepper_file.display();
            format!("{path}: {error}, or name the right database in database.url").into()
        }
        other => other.into(),
    })
}

pub fn migrate(configuration: &Configuration) -> Outcome<()> {
    Ok(open(configuration)?.migrate()?)
}

pub fn check(configuration: &Configuration) -> Outcome<()> {
    let clock = clock::SystemClock::start();
    let database = || -> Outcome<()> {
        let store = open(configuration)?;
        store.verify_schema()?;
        verify_pepper(&store, &load_pepper(configuration)?, configuration)
    };
    let provider = || -> Outcome<()> {
        let Some(settings) = load_openid(configuration)? else {
            return Ok(());
        };
        let provider = Provider::new(settings, &configuration.server.public_url)?;
        let answer = block_on(provider.check());
        Ok(answer.map_err(|error| {
            format!("identity.oidc.issuer: the provider's metadata can't be read: {error}")
        })?)
    };
    let outcomes = [
        KeyFolder(configuration.keys.dir.clone())
            .load(clock.now(), configuration.tokens.signing_algorithm)
            .map(drop)
            .map_err(Into::into),
        load_tls(configuration).map(drop),
        load_pepper(configuration).map(drop),
        provider(),
        database(),
        block_on(mail::check(configuration)),
    ];
    let mut problems: Vec<String> = outcomes
        .into_iter()
        .filter_map(Result::err)
        .map(|problem| problem.to_string())
        .collect();
    problems.dedup();
    if !problems.is_empty() {
        return Err(problems.join("\nwmda-auth: ").into());
    }
    let warnings = [
        mail::warnings(&configuration.mail),
        exposure::warnings(configuration),
    ]
    .concat();
    warnings.iter().for_each(|warning| println!("note: {warning}"));
    println!("configuration, keys, pepper, database and mail are in order");
    Ok(())
}
