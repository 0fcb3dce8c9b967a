//! One token request through the whole handler, without the network: `cargo bench -p token-endpoint`. Beside it the
//! signature alone, the lower bound for any server.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise and brings its own clock and randomness"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{App, http::header::CONTENT_TYPE, rt::System, test, web};
use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use criterion::Criterion;
use domain::{
    Clock,
    application::{Application, ApplicationName},
    audit::{Entry, Event, Outcome},
    organisation::Organisation,
    pepper::Pepper,
    resource::{Environment, Resource, SigningAlgorithm},
    secret::NewSecret,
};
use keystore::{Algorithm, FIRST_ALGORITHMS, KeyFolder, SigningKey};
use ring::rand::SystemRandom;
use serde_json::json;
use store::{
    DatabaseUrl, NewClientSecret, NewProof, Store, client_secrets::SecretLimits, memory::ClientMemory,
    rotation::RotationRules,
};
use strum::VariantArray;
use token_endpoint::{Parts, Settings, TokenService, metrics::Metrics};
use uuid::Uuid;

struct Clocks(Instant);

impl Clock for Clocks {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

const CLIENT: Uuid = Uuid::from_u128(1);
const ORGANISATION: Uuid = Uuid::from_u128(2);
const RESOURCE: Uuid = Uuid::from_u128(3);

/// Stores one client, one resource and one secret; returns the secret's value.
async fn fill(store: &Store, pepper: &Pepper) -> String {
    let (name, country_code) = ("Example".to_owned(), "NL".to_owned());
    let organisation = Organisation {
        id: ORGANISATION,
        name,
        country_code,
        enabled: true,
    };
    store
        .create_organisation(organisation, entry(pepper))
        .await
        .unwrap();
    let name = ApplicationName::parse("Partner-NL-Example-SMC").unwrap();
    let application = Application {
        client_id: CLIENT,
        organisation_id: ORGANISATION,
        name,
        enabled: true,
        dpop_bound_access_tokens: false,
    };
    store
        .create_application(application, entry(pepper))
        .await
        .unwrap();
    let roles = vec!["Search.Read".to_owned(), "Search.Write".to_owned()];
    let resource = Resource {
        id: RESOURCE,
        uri: None,
        name: "Search & Match".to_owned(),
        environment: Environment::Sandbox,
        token_lifetime_seconds: None,
        signing_algorithm: None,
        roles: roles.clone(),
    };
    store.create_resource(resource, entry(pepper)).await.unwrap();
    store.grant(CLIENT, RESOURCE, roles, entry(pepper)).await.unwrap();
    let secret = NewSecret::generate(&SystemRandom::new()).unwrap();
    let new = NewClientSecret {
        id: Uuid::from_u128(4),
        client_id: CLIENT,
        name: "bench".to_owned(),
        hint: secret.hint().to_owned(),
        proof: NewProof::Secret(pepper.digest(CLIENT, secret.reveal())),
        created_by: "bench".to_owned(),
        created_at: Utc::now(),
        expires_at: Utc::now() + TimeDelta::days(1),
        replaces: None,
    };
    store
        .create_secret(new, SecretLimits::NONE, entry(pepper))
        .await
        .unwrap();
    secret.reveal().to_owned()
}

fn entry(pepper: &Pepper) -> Entry {
    Entry {
        event: Event {
            at: Utc::now(),
            actor: "test".to_owned(),
            action: "test".to_owned(),
            object: "-".to_owned(),
            source: "-".to_owned(),
            outcome: Outcome::Done.to_string(),
        },
        key: Arc::new(pepper.current_audit_key()),
    }
}

async fn service(folder: &std::path::Path) -> (TokenService, Arc<ClientMemory>, String) {
    let random = SystemRandom::new();
    let pepper = Pepper::parse(&Pepper::generate(&random).unwrap()).unwrap();
    let url = format!("sqlite:{}", folder.join("bench.db").display());
    let store = Store::create(&DatabaseUrl::parse(&url).unwrap(), 2).unwrap();
    store.migrate().unwrap();
    let secret = fill(&store, &pepper).await;
    let keys = KeyFolder::new(folder.join("keys"));
    keys.generate_missing(&FIRST_ALGORITHMS, Utc::now()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Clocks(Instant::now()));
    // The lease outlives the benchmark, so that every request is answered from the client cache.
    let lease = Duration::from_secs(3600);
    let memory = Arc::new(ClientMemory::new(
        store.clone(),
        Arc::clone(&clock),
        lease,
        Uuid::from_u128(1),
    ));
    let settings = Settings {
        public_url: "http://127.0.0.1:8080".to_owned(),
        tenant_id: "c3ab1869-1472-4577-b669-0d64c732e75c".to_owned(),
        tenant_aliases: Vec::new(),
        support_address: "help@example.org".to_owned(),
        token_lifetime_seconds: 3600,
        signing_algorithm: SigningAlgorithm::ES256,
        strict_transport: false,
        dpop_nonce_required: false,
        trusted_proxies: Vec::new(),
        rotation: RotationRules {
            overlap: TimeDelta::days(7),
            max_lifetime_days: 365,
            max_live: 10,
        },
        failures: (200, 5000),
        refused_issuers: Vec::new(),
    };
    let keys = Arc::new(ArcSwap::from_pointee(
        keys.load(Utc::now(), Algorithm::ES256).unwrap(),
    ));
    let parts = Parts {
        fetcher: fetch::Fetcher::new(false).unwrap(),
        store,
        memory: Arc::clone(&memory),
        usage: Arc::default(),
        refusals: Arc::default(),
        keys,
        pepper: Arc::new(pepper),
        clock,
        random: Arc::new(random),
        metrics: Metrics::new().unwrap(),
    };
    let service = TokenService::new(settings, parts);
    (service, memory, secret)
}

fn token_path(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = System::new();
    let (service, memory, secret) = runtime.block_on(service(folder.path()));
    runtime.block_on(memory.poll()).unwrap();
    let service = web::Data::new(service);
    let app = App::new()
        .app_data(service.clone())
        .configure(|config| token_endpoint::configure(config, &service));
    let app = runtime.block_on(test::init_service(app));
    let body = format!(
        "grant_type=client_credentials&client_id={CLIENT}&client_secret={secret}&resource={RESOURCE}"
    );
    let ask = || async {
        let request = test::TestRequest::post()
            .uri("/oauth2/token")
            .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .peer_addr(([127, 0, 0, 1], 9).into())
            .set_payload(body.clone());
        let answer = test::call_service(&app, request.to_request()).await;
        assert!(answer.status().is_success(), "{}", answer.status());
    };
    criterion.bench_function("token request, ES256", |bencher| {
        bencher.iter(|| runtime.block_on(ask()));
    });
}

fn signature(criterion: &mut Criterion) {
    let claims = json!({ "sub": CLIENT, "aud": RESOURCE, "roles": ["Search.Read", "Search.Write"] });
    for algorithm in Algorithm::VARIANTS {
        let pem = SigningKey::generate_pem(*algorithm).unwrap();
        let key = SigningKey::parse(&pem, *algorithm, Utc::now()).unwrap();
        criterion.bench_function(&format!("signature alone, {algorithm}"), |bencher| {
            bencher.iter(|| key.sign("at+jwt", &claims).unwrap());
        });
    }
}

criterion::criterion_group!(benches, token_path, signature);
criterion::criterion_main!(benches);
