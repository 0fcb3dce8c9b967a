//! Loads and checks everything that start-up needs before a port is bound.

use std::{fs, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper};
use management::openid::{OpenIdSettings, Provider};
use store::{Store, StoreError, memory::ClientMemory};

use crate::{
    Outcome, anchor, clock,
    configuration::{Configuration, reading},
    database, exposure,
    identity::Oidc,
    keyring::{self, Keyring},
    mail,
    prepared::Prepared,
    runtime::block_on,
    tls::{Files, Served},
    validation::{self, ports},
};

/// With an existing database.
pub fn prepare(configuration: &Configuration) -> Outcome<Prepared> {
    prepare_on(configuration, database::open_in_time)
}

/// Creates a missing database: for a demo.
pub fn prepare_from_nothing(configuration: &Configuration) -> Outcome<Prepared> {
    prepare_on(configuration, |configuration, clock| {
        let store = database::create(configuration, clock)?;
        store.migrate()?;
        Ok(store)
    })
}

fn prepare_on(
    configuration: &Configuration,
    open: impl FnOnce(&Configuration, &dyn Clock) -> Outcome<Store>,
) -> Outcome<Prepared> {
    let clock = clock::SystemClock::start();
    let default = configuration.tokens.signing_algorithm;
    let folder = keyring::folder(configuration)?;
    let keys = folder.load(clock.now(), default)?;
    let tls = load_tls(configuration)?;
    let openid = load_openid(configuration)?;
    let pepper = Arc::new(load_pepper(configuration)?);
    let store = open(configuration, &*clock)?;
    if configuration.database.migrate {
        store.upgrade()?;
    }
    store.verify_schema()?;
    verify_pepper(&store, &pepper, configuration)?;
    let told = (Arc::clone(&pepper), store.revoked_keys_at_start()?);
    let (keyring, keys) = Keyring::start((folder, &keys), default, told, clock.now())?;
    let lease = Duration::from_millis(configuration.cache.lease_ms);
    let memory = ClientMemory::new(
        store.clone(),
        Arc::clone(&clock) as _,
        lease,
        domain::random::uuid(&*clock::system_random())?,
    )
    .with_room_for(configuration.cache.clients);
    Ok(Prepared {
        store,
        memory: Arc::new(memory),
        pepper,
        keys: Arc::new(ArcSwap::from_pointee(keys)),
        makes_keys: None,
        demo_api: None,
        keyring: Some(keyring),
        usage: Arc::default(),
        refusals: Arc::default(),
        clock,
        tls,
        openid,
    })
}

fn load_openid(configuration: &Configuration) -> Outcome<Option<OpenIdSettings>> {
    let oidc = configuration.identity.oidc.as_ref();
    oidc.map(Oidc::load).transpose()
}

fn load_tls(configuration: &Configuration) -> Outcome<Option<Arc<Served>>> {
    let server = &configuration.server;
    let (Some(certificate), Some(key)) = (server.tls_cert.clone(), server.tls_key.clone()) else {
        return Ok(None);
    };
    let host = validation::host(&server.public_url).to_owned();
    let files = Files {
        certificate,
        key,
        host,
    };
    Ok(Some(Arc::new(Served::load(files)?)))
}

/// Checks the TLS certificate as clients would; the second part is a warning.
fn check_tls(configuration: &Configuration, clock: &dyn Clock) -> (Outcome<()>, Option<String>) {
    match load_tls(configuration) {
        Err(error) => (Err(error), None),
        Ok(None) => (Ok(()), None),
        Ok(Some(served)) => {
            let now = clock.now();
            let problem = served.problem(now).map_or(Ok(()), |problem| Err(problem.into()));
            (problem, served.ends_soon(now))
        }
    }
}

pub fn load_pepper(configuration: &Configuration) -> Outcome<Pepper> {
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

/// Verifies the pepper against the database; the error names its file.
pub fn verify_pepper(store: &Store, pepper: &Pepper, configuration: &Configuration) -> Outcome<()> {
    let path = configuration.secrets.pepper_file.display();
    let now = clock::SystemClock::start().now();
    store.verify_pepper(pepper, now).map_err(|error| match error {
        StoreError::WrongPepper(_) => {
            format!("{path}: {error}, or name the right database in database.url").into()
        }
        StoreError::PepperInUse { .. } => format!(
            "{path}: {error}; `wmda-auth pepper list` beside the whole file shows what needs each version"
        )
        .into(),
        other => other.into(),
    })
}

pub fn migrate(configuration: &Configuration) -> Outcome<()> {
    Ok(database::create(configuration, &*clock::SystemClock::start())?.migrate()?)
}

/// Loads the keys as at start-up; here a file that would be skipped is a problem too.
fn check_keys(configuration: &Configuration, clock: &dyn Clock) -> Outcome<()> {
    let set = keyring::folder(configuration)?.load(clock.now(), configuration.tokens.signing_algorithm)?;
    match set.problems() {
        [] => Ok(()),
        problems => Err(problems.join("\nwmda-auth: ").into()),
    }
}

/// Refuses a revoked key in the folder.
fn check_revoked(configuration: &Configuration, store: &Store) -> Outcome<()> {
    let set = keyring::folder(configuration)?.load_any()?;
    let revoked = store.revoked_keys_at_start()?;
    let Some(key) = revoked.iter().find(|key| set.has(&key.kid)) else {
        return Ok(());
    };
    let (dir, kid) = (configuration.keys.dir.display(), &key.kid);
    Err(format!(
        "{dir}: the key {kid} was revoked and is not used; run `wmda-auth keys revoke {kid} --now` here too"
    )
    .into())
}

/// `check`: reports every problem that can be found, after the `problems` of reading the configuration.
pub fn check(configuration: &Configuration, mut problems: Vec<String>) -> Outcome<()> {
    problems.extend(validation::doubts(configuration));
    problems.extend(reading::misnamed_variables().others);
    let tried = ports::try_listening(&configuration.server);
    problems.extend(tried.problems);
    let is_known = |key: &str| problems.iter().any(|problem| problem.starts_with(key));
    let (no_database, no_mail) = (
        is_known("database."),
        is_known("mail.") || is_known("server.public_url"),
    );
    let clock = clock::SystemClock::start();
    let mut warnings_of_database = Vec::new();
    let mut of_the_database = || -> Outcome<()> {
        let store = database::open(configuration)?;
        store.verify_sessions()?;
        warnings_of_database = database::warnings(&store.state()?, &*clock);
        store.verify_schema()?;
        let pepper = load_pepper(configuration)?;
        verify_pepper(&store, &pepper, configuration)?;
        warnings_of_database.extend(block_on(anchor::warning(&store, &pepper, &*clock))?);
        check_revoked(configuration, &store)
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
    let (tls, ends_soon) = check_tls(configuration, &*clock);
    let outcomes = [
        check_keys(configuration, &*clock),
        tls,
        load_pepper(configuration).map(drop),
        anchor::check(configuration),
        provider(),
        if no_database { Ok(()) } else { of_the_database() },
        // An invalid public URL must not be reported again as an invalid sender.
        if no_mail {
            Ok(())
        } else {
            block_on(mail::check(configuration))
        },
    ];
    let found = outcomes.into_iter().filter_map(Result::err);
    problems.extend(found.map(|problem| problem.to_string()));
    problems.dedup();
    if !problems.is_empty() {
        return Err(reading::listed(&problems).into());
    }
    let warnings = [
        warnings_of_database,
        tried.notes,
        ends_soon.into_iter().collect(),
        mail::warnings(&configuration.mail),
        exposure::warnings(configuration),
    ]
    .concat();
    warnings.iter().for_each(|warning| println!("note: {warning}"));
    println!("configuration, keys, pepper, database and mail are in order");
    Ok(())
}
