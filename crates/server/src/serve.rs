//! The server: what answers, wired together.

use std::{net::TcpListener, num::NonZero, sync::Arc, time::Duration};

use actix_web::{App, middleware::from_fn, web};
use chrono::TimeDelta;
use domain::expiry::Lifetimes;
use fetch::Fetcher;
use futures_util::FutureExt;
use management::{
    Documentation, Management,
    docs::{self, Docs},
    openid::Provider,
    page::{self, Facts, Page},
};
use prometheus::Registry;
use store::{Store, client_secrets::SecretLimits, rotation::RotationRules};
use token_endpoint::{Parts, Settings, TokenService, metrics::Metrics};

use crate::{
    Outcome, anchor, background, clock,
    configuration::{Configuration, DpopNonce, reading},
    connections::{Connections, Limits, raise_file_limit},
    demo::api::Api,
    exposure, journal, keyring,
    listening::{Listening, Tls},
    log_writer::LogWriter,
    logging, methods,
    metrics::{self, Observed},
    outage,
    pepper_watch::PepperWatch,
    preparation::prepare,
    prepared::Prepared,
    reminders, retention,
    runtime::block_on,
    signing,
    stopping::Stopping,
    tls::Handshakes,
    validation::{self, is_loopback},
};

/// Whom people ask for help where configuration names nobody.
const SUPPORT_ADDRESS: &str = "support@wmda.info";

pub fn run(configuration: &Configuration) -> Outcome<()> {
    let log = logging::start(configuration.log.format);
    let prepared = prepare(configuration)?;
    prepared.store.verify_sessions()?;
    journal::replay(&prepared)?;
    let doubts = [
        exposure::warnings(configuration),
        validation::doubts(configuration),
        reading::misnamed_variables().others,
    ];
    let doubts = doubts.iter().flatten();
    doubts.for_each(|doubt| log::warn!("{doubt}"));
    let listeners = bind(configuration, "server.bind", &configuration.server.bind)?;
    let url = configuration.server.public_url.clone();
    let address = listeners.main.local_addr()?;
    let ready = || log::info!("listening on {address} as {}", configuration.server.public_url);
    block_on(serve(configuration, prepared, listeners, url, (&log, ready)))
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
        lifetimes: Lifetimes {
            min_minutes: configuration.secrets.min_lifetime_minutes,
            max_days: configuration.secrets.max_lifetime_days,
        },
        secrets: SecretLimits {
            live: configuration.secrets.max_per_application,
            per_hour: configuration.limits.secrets_per_hour,
        },
        token_lifetime_seconds: configuration.tokens.lifetime_seconds,
        support_address: configuration.mail.support_address.clone(),
        login_failures: configuration.limits.login_failures,
        allow_private_webhooks: configuration.webhooks.allow_private,
        refused_issuers: configuration.federation.refused_issuers.clone(),
    };
    Management::new(
        settings,
        prepared.store.clone(),
        Arc::clone(&prepared.memory),
        Arc::clone(&prepared.pepper),
        Arc::clone(&prepared.clock),
        clock::system_random(),
    )
    .with_signing_check(signing::check(prepared))
    .with_explanations(|name| {
        let words = token_endpoint::explanation(name)?;
        Some((words.cause, words.remedy))
    })
}

/// What answers requests; every worker has a copy.
#[derive(Clone)]
struct Handlers {
    tokens: web::Data<TokenService>,
    management: web::Data<Management>,
    documentation: web::Data<Documentation>,
    page: web::Data<Page>,
    docs: web::Data<Docs>,
    demo_api: Option<Api>,
}

impl Handlers {
    fn configure(self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.tokens.clone())
            .app_data(self.management.clone());
        // Routes are asked in this order, and the token endpoints most often.
        token_endpoint::configure(config, &self.tokens);
        management::configure(config, &self.management, &self.documentation);
        page::configure(config, &self.page);
        docs::configure(config, &self.docs);
        if let Some(api) = &self.demo_api {
            api.configure(config);
        }
    }
}

fn support_address(configuration: &Configuration) -> String {
    let configured = configuration.mail.support_address.as_deref();
    configured.unwrap_or(SUPPORT_ADDRESS).to_owned()
}

fn page(configuration: &Configuration) -> Outcome<Page> {
    let facts = Facts {
        support_address: support_address(configuration),
        max_lifetime_days: configuration.secrets.max_lifetime_days,
        tenant_id: configuration.entra.tenant_id.clone(),
    };
    Ok(Page::new(&facts)?)
}

fn token_service(
    configuration: &Configuration,
    prepared: &Prepared,
    public_url: String,
) -> Outcome<TokenService> {
    let (server, limits) = (&configuration.server, &configuration.limits);
    let settings = Settings {
        strict_transport: public_url.starts_with("https://") && !is_loopback(&public_url),
        public_url,
        tenant_id: configuration.entra.tenant_id.clone(),
        tenant_aliases: configuration.entra.tenant_aliases.clone(),
        refused_issuers: configuration.federation.refused_issuers.clone(),
        support_address: support_address(configuration),
        token_lifetime_seconds: configuration.tokens.lifetime_seconds,
        signing_algorithm: configuration.tokens.signing_algorithm,
        dpop_nonce_required: configuration.tokens.dpop_nonce == DpopNonce::Required,
        trusted_proxies: server.trusted_proxies.iter().map(|proxy| proxy.0).collect(),
        rotation: RotationRules {
            overlap: TimeDelta::days(configuration.secrets.rotation_overlap_days),
            max_lifetime_days: configuration.secrets.max_lifetime_days,
            max_live: configuration.secrets.max_per_application,
        },
        failures: (limits.failures_per_second, limits.failure_burst),
    };
    let parts = Parts {
        fetcher: Fetcher::new(configuration.webhooks.allow_private)?,
        store: prepared.store.clone(),
        memory: Arc::clone(&prepared.memory),
        usage: Arc::clone(&prepared.usage),
        refusals: Arc::clone(&prepared.refusals),
        keys: Arc::clone(&prepared.keys),
        pepper: Arc::clone(&prepared.pepper),
        clock: Arc::clone(&prepared.clock),
        random: clock::system_random(),
        metrics: Metrics::new()?,
    };
    Ok(TokenService::new(settings, parts))
}

fn handlers(configuration: &Configuration, prepared: &mut Prepared, public_url: &str) -> Outcome<Handlers> {
    let management = management(configuration, prepared, public_url.to_owned());
    let mut management = management.with_refusals(Arc::clone(&prepared.refusals));
    if let Some(settings) = prepared.openid.take() {
        management = management.with_provider(Provider::new(settings, public_url)?);
    }
    let document = management::openapi();
    Ok(Handlers {
        tokens: web::Data::new(token_service(configuration, prepared, public_url.to_owned())?),
        management: web::Data::new(management),
        docs: web::Data::new(Docs::new(&document)?),
        demo_api: prepared.demo_api.take(),
        documentation: web::Data::new(Documentation::new(document)?),
        page: web::Data::new(page(configuration)?),
    })
}

/// Serves until SIGTERM or SIGINT, drains, and writes the use that was gathered. `ready` is called once requests and
/// signals are answered.
pub async fn serve(
    configuration: &Configuration,
    mut prepared: Prepared,
    listeners: Listeners,
    public_url: String,
    (log, ready): (&LogWriter, impl FnOnce()),
) -> Outcome<()> {
    let handlers = handlers(configuration, &mut prepared, &public_url)?;
    let registry = handlers.tokens.metrics().registry();
    let tls = tls(&prepared, registry)?;
    if let Some(listener) = listeners.metrics {
        let observed = Observed::new(&prepared, &handlers.tokens, &handlers.management)?;
        metrics::spawn(listener, handlers.tokens.clone(), observed)?;
    }
    spawn_background(configuration, &mut prepared, handlers.tokens.clone())?;
    let node = domain::random::uuid(&*clock::system_random())?;
    PepperWatch::new(configuration, &prepared, node.to_string()).spawn();
    background::spawn_log_watch(log, handlers.tokens.clone());
    background::spawn_leak_reports(handlers.management.clone());
    background::spawn_published_keys(handlers.tokens.clone());
    let notifier = Arc::new(reminders::notifier(configuration, &prepared, public_url.clone())?);
    reminders::spawn(&notifier, &configuration.mail);
    let tokens = handlers.tokens.clone();
    let drain = Duration::from_secs(configuration.server.drain_seconds);
    let stop = Stopping::register(drain)?.wait(move || tokens.drain());
    let app = move || {
        App::new()
            .wrap(from_fn(methods::head_and_options))
            .wrap(from_fn(token_endpoint::guard(handlers.tokens.clone())))
            .app_data(handlers.tokens.clone())
            .configure(|config| handlers.clone().configure(config))
    };
    let listening = Listening {
        listener: listeners.main,
        tls,
        connections: connections(configuration),
        workers: workers(configuration),
        stop: stop.boxed(),
    };
    let server = actix_web::rt::spawn(listening.start(app)?);
    tokio::task::yield_now().await;
    ready();
    server.await??;
    reminders::finish(&notifier).await;
    leave(&prepared.store, node).await;
    background::write_last_use(&prepared.usage, &prepared.store).await;
    background::write_last_refusals(&prepared.refusals, &prepared.store).await;
    Ok(())
}

/// A node that ends in order is waited for by nobody.
async fn leave(store: &Store, node: uuid::Uuid) {
    if let Err(error) = store.leave_pepper_nodes(node.to_string()).await {
        log::debug!("other nodes are not told that this one ends: {error}");
    }
}

/// A certificate that clients refuse is told, and used: there may be some who don't look.
fn tls(prepared: &Prepared, registry: &Registry) -> Outcome<Option<Tls>> {
    let Some(served) = &prepared.tls else {
        return Ok(None);
    };
    let now = prepared.clock.now();
    if let Some(problem) = served.problem(now) {
        log::error!("{problem}");
    }
    if let Some(warning) = served.ends_soon(now) {
        log::warn!("{warning}");
    }
    let handshakes = Handshakes::new(metrics::failed_handshakes(registry)?, Arc::clone(&prepared.clock));
    Ok(Some(Tls::new(served.configuration()?, Arc::new(handshakes))))
}

fn connections(configuration: &Configuration) -> Arc<Connections> {
    let (limits, pool) = (&configuration.limits, configuration.database.pool_size);
    let configured = (limits.connections, limits.connections_per_source);
    let limits = Limits::new(configured, raise_file_limit(), pool as usize);
    log::info!(
        "at most {} connections, {} of one source",
        limits.total,
        limits.per_source
    );
    let proxies = configuration.server.trusted_proxies.iter();
    Connections::new(limits, proxies.map(|proxy| proxy.0).collect())
}

/// One per core.
fn workers(configuration: &Configuration) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    configuration.server.workers.unwrap_or_else(cores)
}

fn spawn_background(
    configuration: &Configuration,
    prepared: &mut Prepared,
    tokens: web::Data<TokenService>,
) -> Outcome<()> {
    background::spawn_hangup(prepared.tls.clone(), Arc::clone(&prepared.clock))?;
    let every = Duration::from_millis(configuration.cache.poll_ms);
    background::spawn_poller(Arc::clone(&prepared.memory), every);
    outage::spawn_heartbeats(Arc::clone(&prepared.memory));
    let recorders = (Arc::clone(&prepared.usage), Arc::clone(&prepared.refusals));
    background::spawn_housekeeping(tokens.clone(), recorders, prepared.store.clone());
    background::spawn_refusal_record(Arc::clone(&prepared.refusals), prepared.store.clone());
    background::spawn_forgetting(prepared.store.clone(), Arc::clone(&prepared.clock));
    retention::spawn(
        configuration.retention,
        prepared.store.clone(),
        Arc::clone(&prepared.clock),
    );
    anchor::spawn(configuration, prepared, tokens.metrics().registry())?;
    if let Some(keyring) = prepared.keyring.take() {
        let (store, keys) = (prepared.store.clone(), Arc::clone(&prepared.keys));
        keyring::spawn(keyring, store, keys, Arc::clone(&prepared.clock));
    }
    Ok(())
}
