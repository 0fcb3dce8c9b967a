//! Wiring: everything is checked and loaded before the port is bound.

use std::{fs, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, web};
use arc_swap::ArcSwap;
use domain::{Clock, pepper::Pepper};
use keystore::{KeyFolder, KeySet};
use store::{DatabaseUrl, Store, memory::ClientMemory, usage::UsageRecorder};
use token_endpoint::{Settings, TokenService};

use crate::{
    Outcome, clock,
    configuration::{Configuration, LogFormat},
    tls,
};

/// What must be right before the port is bound.
pub struct Prepared {
    pub store: Store,
    pub pepper: Pepper,
    pub keys: KeySet,
    pub clock: Arc<dyn Clock>,
}

pub fn prepare(configuration: &Configuration) -> Outcome<Prepared> {
    let clock = clock::SystemClock::start();
    let keys = KeyFolder(configuration.keys.dir.clone()).load(clock.now())?;
    let pepper = load_pepper(configuration)?;
    let store = open(configuration)?;
    if configuration.database.migrate {
        store.migrate()?;
    }
    store.verify_schema()?;
    store.verify_pepper(&pepper)?;
    Ok(Prepared {
        store,
        pepper,
        keys,
        clock,
    })
}

fn open(configuration: &Configuration) -> Outcome<Store> {
    let url = DatabaseUrl::parse(&configuration.database.url)?;
    Ok(Store::open(&url, configuration.database.pool_size.max(1))?)
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

pub fn migrate(configuration: &Configuration) -> Outcome<()> {
    Ok(open(configuration)?.migrate()?)
}

pub fn check(configuration: &Configuration) -> Outcome<()> {
    let clock = clock::SystemClock::start();
    let database = || -> Outcome<()> {
        let store = open(configuration)?;
        store.verify_schema()?;
        Ok(store.verify_pepper(&load_pepper(configuration)?)?)
    };
    let outcomes = [
        KeyFolder(configuration.keys.dir.clone())
            .load(clock.now())
            .map(drop)
            .map_err(Into::into),
        load_pepper(configuration).map(drop),
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
    let listener = bind(&configuration.server.bind)?;
    let url = configuration.server.public_url.clone();
    actix_web::rt::System::new().block_on(serve(configuration, prepared, listener, url))
}

pub fn bind(address: &str) -> Outcome<TcpListener> {
    Ok(TcpListener::bind(address).map_err(|error| format!("server.bind {address}: {error}"))?)
}

/// Serves until SIGTERM or SIGINT, drains, and writes the use that was gathered.
pub async fn serve(
    configuration: &Configuration,
    prepared: Prepared,
    listener: TcpListener,
    public_url: String,
) -> Outcome<()> {
    let Prepared {
        store,
        pepper,
        keys,
        clock,
    } = prepared;
    let lease = Duration::from_millis(configuration.cache.lease_ms);
    let memory = Arc::new(ClientMemory::new(store.clone(), Arc::clone(&clock), lease));
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
    let service = web::Data::new(TokenService::new(
        settings,
        store.clone(),
        Arc::clone(&memory),
        Arc::clone(&usage),
        Arc::clone(&keys),
        pepper,
        Arc::clone(&clock),
        clock::system_random(),
    ));
    spawn_poller(memory, Duration::from_millis(configuration.cache.poll_ms));
    spawn_housekeeping(service.clone(), Arc::clone(&usage), store.clone());
    spawn_key_reload(KeyFolder(configuration.keys.dir.clone()), keys, clock);
    let tenant = configuration.entra.tenant_id.clone();
    let mut server = HttpServer::new(move || {
        let tenant = tenant.clone();
        App::new()
            .wrap(actix_web::middleware::from_fn(token_endpoint::guard))
            .app_data(service.clone())
            .configure(move |config| token_endpoint::configure(config, &tenant))
    })
    .shutdown_timeout(10);
    if let Some(workers) = configuration.server.workers {
        server = server.workers(workers);
    }
    let server = match (&configuration.server.tls_cert, &configuration.server.tls_key) {
        (Some(certificate), Some(key)) => {
            server.listen_rustls_0_23(listener, tls::load(certificate, key)?)?
        }
        _ => server.listen(listener)?,
    };
    server.run().await?;
    usage.flush(&store).await?;
    Ok(())
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
                log::warn!("use of secrets could not be written: {error}");
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
