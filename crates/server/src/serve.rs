//! Wiring: everything is checked and loaded before the port is bound.

use std::{fs, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, web};
use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper};
use keystore::{KeyFolder, KeySet};
use management::{
    Management,
    docs::{self, Docs},
    openid,
    page::{Facts, Page},
};
use store::{DatabaseUrl, Store, StoreError, memory::ClientMemory, usage::UsageRecorder};
use token_endpoint::{Parts, Settings, TokenService, metrics::Metrics};

use crate::{
    Outcome, clock,
    configuration::{Configuration, LogFormat},
    identity::Oidc,
    metrics, tls,
};

/// Longer than balancers keep an idle connection (60 s is usual), so that none sends a request into a closing one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the end of the server waits for the last use to be written.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// Whom people ask for help.
const SUPPORT_ADDRESS: &str = "support@wmda.info";

/// What must be right before the port is bound.
pub struct Prepared {
    pub store: Store,
    pub memory: Arc<ClientMemory>,
    pub pepper: Arc<Pepper>,
    pub keys: KeySet,
    pub clock: Arc<dyn Clock>,
    pub tls: Option<rustls::ServerConfig>,
    pub openid: Option<openid::OpenIdSettings>,
}

pub fn prepare(configuration: &Configuration) -> Outcome<Prepared> {
    let clock = clock::SystemClock::start();
    let keys = KeyFolder(configuration.keys.dir.clone()).load(clock.now())?;
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
        keys,
        clock,
        tls,
        openid,
    })
}

fn load_openid(configuration: &Configuration) -> Outcome<Option<openid::OpenIdSettings>> {
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
        let provider = openid::Provider::new(settings, &configuration.server.public_url)?;
        let answer = actix_web::rt::System::new().block_on(provider.check());
        Ok(answer.map_err(|error| {
            format!("identity.oidc.issuer: the provider's metadata can't be read: {error}")
        })?)
    };
    let outcomes = [
        KeyFolder(configuration.keys.dir.clone())
            .load(clock.now())
            .map(drop)
            .map_err(Into::into),
        load_tls(configuration).map(drop),
        load_pepper(configuration).map(drop),
        provider(),
        database(),
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
    println!("configuration, keys, pepper and database are in order");
    Ok(())
}

pub fn run(configuration: &Configuration) -> Outcome<()> {
    let _log = start_log(configuration.log.format);
    let prepared = prepare(configuration)?;
    let listeners = bind(configuration, "server.bind", &configuration.server.bind)?;
    let url = configuration.server.public_url.clone();
    block_on(serve(configuration, prepared, listeners, url))
}

/// Runs until the server ends, and waits for nothing else: a query that hangs would hold the runtime's end, and with it
/// the process, for as long as the database does.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let system = actix_web::rt::System::new();
    let outcome = system.block_on(work);
    std::mem::forget(system);
    outcome
}

/// The addresses that the server listens on.
pub struct Listeners {
    pub main: TcpListener,
    pub metrics: Option<TcpListener>,
}

/// Binds `address`, which `key` names, and the one for metrics where one is configured.
pub fn bind(configuration: &Configuration, key: &str, address: &str) -> Outcome<Listeners> {
    let metrics = configuration.server.metrics_bind.as_deref();
    let metrics = metrics.map(|address| listen("server.metrics_bind", address));
    Ok(Listeners {
        main: listen(key, address)?,
        metrics: metrics.transpose()?,
    })
}

fn listen(key: &str, address: &str) -> Outcome<TcpListener> {
    Ok(TcpListener::bind(address).map_err(|error| {
        format!("{key} {address}: {error}; end what uses the address, or choose another port or address")
    })?)
}

/// The operations of the management API, for the server and the command line alike.
pub fn management(configuration: &Configuration, prepared: &Prepared, public_url: String) -> Management {
    let settings = management::Settings {
        public_url,
        max_lifetime_days: configuration.secrets.max_lifetime_days,
        max_per_application: configuration.secrets.max_per_application,
        login_failures: configuration.limits.login_failures,
    };
    Management::new(
        settings,
        prepared.store.clone(),
        Arc::clone(&prepared.memory),
        Arc::clone(&prepared.pepper),
        Arc::clone(&prepared.clock),
        clock::system_random(),
    )
}

fn page(configuration: &Configuration) -> Outcome<Page> {
    let facts = Facts {
        support_address: SUPPORT_ADDRESS.to_owned(),
        max_lifetime_days: configuration.secrets.max_lifetime_days,
    };
    Ok(Page::new(&facts)?)
}

/// Serves until SIGTERM or SIGINT, drains, and writes the use that was gathered.
pub async fn serve(
    configuration: &Configuration,
    prepared: Prepared,
    listeners: Listeners,
    public_url: String,
) -> Outcome<()> {
    let mut management = management(configuration, &prepared, public_url.clone());
    if let Some(settings) = prepared.openid {
        management = management.with_provider(openid::Provider::new(settings, &public_url)?);
    }
    let management = web::Data::new(management);
    let document = web::Data::new(management::openapi());
    let page = web::Data::new(page(configuration)?);
    let docs = web::Data::new(Docs::new(&document)?);
    let Prepared {
        store,
        memory,
        pepper,
        keys,
        clock,
        tls,
        ..
    } = prepared;
    let usage = Arc::new(UsageRecorder::default());
    let keys = Arc::new(ArcSwap::from_pointee(keys));
    let settings = Settings {
        public_url,
        tenant_id: configuration.entra.tenant_id.clone(),
        token_lifetime_seconds: configuration.tokens.lifetime_seconds,
        signing_algorithm: configuration.tokens.signing_algorithm,
        trusted_proxies: configuration
            .server
            .trusted_proxies
            .iter()
            .map(|proxy| proxy.0)
            .collect(),
        failures: (
            configuration.limits.failures_per_second,
            configuration.limits.failure_burst,
        ),
    };
    let parts = Parts {
        store: store.clone(),
        memory: Arc::clone(&memory),
        usage: Arc::clone(&usage),
        keys: Arc::clone(&keys),
        pepper,
        clock: Arc::clone(&clock),
        random: clock::system_random(),
        metrics: Metrics::new()?,
    };
    let service = web::Data::new(TokenService::new(settings, parts));
    if let Some(listener) = listeners.metrics {
        metrics::spawn(listener, service.clone())?;
    }
    spawn_poller(memory, Duration::from_millis(configuration.cache.poll_ms));
    spawn_housekeeping(service.clone(), Arc::clone(&usage), store.clone());
    spawn_key_reload(KeyFolder(configuration.keys.dir.clone()), keys, clock);
    let tenant = configuration.entra.tenant_id.clone();
    let mut server = HttpServer::new(move || {
        let tenant = tenant.clone();
        let (management, document) = (management.clone(), document.clone());
        let (page, docs) = (page.clone(), docs.clone());
        App::new()
            .wrap(actix_web::middleware::from_fn(token_endpoint::guard))
            .app_data(service.clone())
            .app_data(management.clone())
            .configure(move |config| management::configure(config, &management, &document))
            .configure(move |config| management::page::configure(config, &page))
            .configure(move |config| docs::configure(config, &docs))
            .configure(move |config| token_endpoint::configure(config, &tenant))
    })
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(10);
    if let Some(workers) = configuration.server.workers {
        server = server.workers(workers);
    }
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listeners.main, tls)?,
        None => server.listen(listeners.main)?,
    };
    server.run().await?;
    write_last_use(&usage, &store).await;
    Ok(())
}

/// The server ends in any case: a database that hangs can't hold it.
async fn write_last_use(usage: &UsageRecorder, store: &Store) {
    match tokio::time::timeout(LAST_FLUSH, usage.flush(store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::error!("the last use of secrets could not be written and is lost: {error}"),
        Err(_) => log::error!("the last use of secrets could not be written in time and may be lost"),
    }
}

fn spawn_poller(memory: Arc<ClientMemory>, every: Duration) {
    actix_web::rt::spawn(async move {
        loop {
            if let Err(error) = memory.poll().await {
                log::error!("the database can't be polled, requests read it one by one: {error}");
            }
            tokio::time::sleep(every).await;
        }
    });
}

fn spawn_housekeeping(service: web::Data<TokenService>, usage: Arc<UsageRecorder>, store: Store) {
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            service.forget_idle_sources();
            if let Err(error) = usage.flush(&store).await {
                log::warn!("use of secrets could not be written now and is kept: {error}");
            }
        }
    });
}

/// A broken file never replaces keys that work.
fn spawn_key_reload(folder: KeyFolder, keys: Arc<ArcSwap<KeySet>>, clock: Arc<dyn Clock>) {
    actix_web::rt::spawn(async move {
        let mut known = folder.files().unwrap_or_default();
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            match folder.files() {
                Ok(files) if files == known => {}
                Ok(files) => match folder.load(clock.now()) {
                    Ok(set) => {
                        keys.store(Arc::new(set));
                        known = files;
                        log::info!("signing keys reloaded");
                    }
                    Err(error) => log::error!("signing keys not reloaded, the previous ones stay: {error}"),
                },
                Err(error) => log::error!("signing keys can't be listed: {error}"),
            }
        }
    });
}

/// Logs go to standard error; `RUST_LOG` chooses what.
/// A thread of its own writes them, so that a slow terminal or disk never holds a request; the guard, when dropped,
/// writes what is left.
pub fn start_log(format: LogFormat) -> tracing_appender::non_blocking::WorkerGuard {
    let mut builder =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,actix_server=warn"));
    if format == LogFormat::Json {
        builder.format(|buffer, record| {
            use std::io::Write;
            let line = serde_json::json!({
                "at": buffer.timestamp_millis().to_string(), "level": record.level().as_str(),
                "target": record.target(), "message": record.args().to_string(),
            });
            writeln!(buffer, "{line}")
        });
    }
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .lossy(false)
        .finish(std::io::stderr());
    builder.target(env_logger::Target::Pipe(Box::new(writer)));
    builder.init();
    guard
}
