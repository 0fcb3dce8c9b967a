//! `GET /metrics` on an address of its own, for the operator's network only: the metrics of `token_endpoint`, and
//! gauges of the process, read at each scrape.

mod database;
mod keys;
mod process;

use std::net::TcpListener;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use management::Management;
use prometheus::{
    IntCounterVec, Opts, Registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};
use token_endpoint::TokenService;

use crate::{Outcome, prepared::Prepared};

/// Updates some gauges.
type Look = Box<dyn Fn() + Send + Sync>;

/// The gauges to update at each scrape.
pub struct Observed(Vec<Look>);

impl Observed {
    /// Registers the gauges with the token endpoint's metrics, and starts counting rows.
    pub fn new(
        prepared: &Prepared,
        tokens: &web::Data<TokenService>,
        management: &web::Data<Management>,
    ) -> Outcome<Self> {
        let (registry, clock) = (tokens.metrics().registry(), &prepared.clock);
        show_build(registry)?;
        database::spawn_counting(registry, prepared.store.clone(), clock.clone())?;
        let mut looks = vec![
            process::look(registry, clock)?,
            database::look(registry, &prepared.store, &prepared.memory)?,
            keys::look(registry, &prepared.keys, clock)?,
            look_at_load(registry, tokens.clone(), management.clone())?,
        ];
        if let Some(served) = prepared.tls.clone() {
            looks.push(keys::look_at_certificate(registry, served)?);
        }
        Ok(Self(looks))
    }
}

/// The build information; the value is always 1.
fn show_build(registry: &Registry) -> Outcome<()> {
    let build = register_int_gauge_vec_with_registry!(
        Opts::new("wmda_auth_build_info", "Which version this is."),
        &["version", "commit"],
        registry
    )?;
    build
        .with_label_values(&[env!("CARGO_PKG_VERSION"), env!("WMDA_AUTH_COMMIT")])
        .set(1);
    Ok(())
}

fn look_at_load(
    registry: &Registry,
    tokens: web::Data<TokenService>,
    management: web::Data<Management>,
) -> Outcome<Look> {
    let hashes = register_int_gauge_with_registry!(
        "wmda_auth_password_hashes_in_progress",
        "Passwords that are being hashed now; two at most, others wait.",
        registry
    )?;
    let throttled = register_int_gauge_with_registry!(
        "wmda_auth_throttled_sources",
        "Sources of which client authentication fails too often now.",
        registry
    )?;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Box::new(move || {
        hashes.set(count(management.hashes_in_progress()));
        throttled.set(count(tokens.throttled_sources()));
    }))
}

/// Failed TLS handshakes, by reason.
pub fn failed_handshakes(registry: &Registry) -> Outcome<IntCounterVec> {
    let name = "wmda_auth_tls_handshakes_failed_total";
    let help = "TLS handshakes that failed, by reason.";
    Ok(register_int_counter_vec_with_registry!(
        Opts::new(name, help),
        &["reason"],
        registry
    )?)
}

/// Serves the metrics beside the main server, until the process ends.
pub fn spawn(listener: TcpListener, service: web::Data<TokenService>, observed: Observed) -> Outcome<()> {
    log::info!("metrics at http://{}/metrics", listener.local_addr()?);
    let observed = web::Data::new(observed);
    let app = move || {
        App::new()
            .app_data(service.clone())
            .app_data(observed.clone())
            .service(token_endpoint::readable("/metrics", show))
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    actix_web::rt::spawn(server.listen(listener)?.run());
    Ok(())
}

async fn show(
    http: HttpRequest,
    observed: web::Data<Observed>,
    service: web::Data<TokenService>,
) -> HttpResponse {
    observed.0.iter().for_each(|look| look());
    token_endpoint::show_metrics(http, service).await
}
