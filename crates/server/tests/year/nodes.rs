//! One node: its client cache, its handlers behind the middleware, and its notifier.

use std::{path::Path, rc::Rc, sync::Arc, time::Duration};

use actix_http::Request;
use actix_web::{App, dev::ServiceResponse, middleware::from_fn, test, web};
use arc_swap::ArcSwap;
use chrono::TimeDelta;
use domain::{expiry::Lifetimes, pepper::Pepper, resource::SigningAlgorithm};
use futures_util::{FutureExt, future::LocalBoxFuture};
use keystore::KeySet;
use management::Management;
use notifications::{
    Composer, HookSender, HookSettings, Notifier, Transport,
    rules::{DEFAULT_THRESHOLDS, Rules},
};
use ring::rand::SystemRandom;
use store::{
    DatabaseUrl, Store, client_secrets::SecretLimits, memory::ClientMemory, refusals::RefusalRecorder,
    rotation::RotationRules, usage::UsageRecorder,
};
use token_endpoint::{Parts, TokenService, metrics::Metrics};
use uuid::Uuid;

use crate::world::{HandClock, TEAM};

const URL: &str = "https://auth.wmda.example";
/// The clock stands still between two instants, so any lease lasts long enough.
const LEASE: Duration = Duration::from_millis(1);
const MOST_LIVE: i64 = 10;

type Handler = Box<dyn Fn(Request) -> LocalBoxFuture<'static, ServiceResponse>>;

/// What all nodes share.
pub struct Shared {
    pub url: String,
    pub clock: Arc<HandClock>,
    pub pepper: Arc<Pepper>,
    pub keys: Arc<ArcSwap<KeySet>>,
}

pub struct Node {
    pub store: Store,
    pub management: web::Data<Management>,
    memory: Arc<ClientMemory>,
    usage: Arc<UsageRecorder>,
    refusals: Arc<RefusalRecorder>,
    notifier: Notifier,
    handler: Handler,
}

impl Node {
    pub async fn start(shared: &Shared, number: u128, mails: &Path) -> Self {
        let store = Store::create(&DatabaseUrl::parse(&shared.url).unwrap(), 4).unwrap();
        store.migrate().unwrap();
        let clock = Arc::clone(&shared.clock);
        let memory = ClientMemory::new(store.clone(), clock as _, LEASE, Uuid::from_u128(number));
        let memory = Arc::new(memory);
        let (usage, refusals) = (Arc::<UsageRecorder>::default(), Arc::<RefusalRecorder>::default());
        let parts = Parts {
            fetcher: fetch::Fetcher::new(false).unwrap(),
            store: store.clone(),
            memory: Arc::clone(&memory),
            usage: Arc::clone(&usage),
            refusals: Arc::clone(&refusals),
            keys: Arc::clone(&shared.keys),
            pepper: Arc::clone(&shared.pepper),
            clock: Arc::clone(&shared.clock) as _,
            random: Arc::new(SystemRandom::new()),
            metrics: Metrics::new().unwrap(),
        };
        let tokens = web::Data::new(TokenService::new(of_tokens(), parts));
        let management = Management::new(
            of_management(),
            store.clone(),
            Arc::clone(&memory),
            Arc::clone(&shared.pepper),
            Arc::clone(&shared.clock) as _,
            Arc::new(SystemRandom::new()),
        );
        let management = web::Data::new(management.with_refusals(Arc::clone(&refusals)));
        Self {
            notifier: notifier(shared, store.clone(), mails),
            handler: handler(tokens, management.clone()).await,
            store,
            management,
            memory,
            usage,
            refusals,
        }
    }

    pub async fn answer(&self, request: Request) -> ServiceResponse {
        (self.handler)(request).await
    }

    /// The poll, which a running node sends every tenth of a second.
    pub async fn poll(&self) {
        self.memory.poll().await.unwrap();
    }

    /// The background work that a node does every few seconds and minutes.
    pub async fn housekeeping(&self) {
        self.usage.flush(&self.store).await.unwrap();
        self.refusals.flush(&self.store).await.unwrap();
    }

    pub async fn send_mails(&self) {
        self.notifier.pass().await.unwrap();
    }
}

async fn handler(tokens: web::Data<TokenService>, management: web::Data<Management>) -> Handler {
    let document = web::Data::new(management::Documentation::new(management::openapi()).unwrap());
    let app = App::new()
        .wrap(from_fn(token_endpoint::guard(tokens.clone())))
        .app_data(tokens.clone())
        .app_data(management.clone())
        .configure(|config| {
            token_endpoint::configure(config, &tokens);
            management::configure(config, &management, &document);
        });
    let app = Rc::new(test::init_service(app).await);
    Box::new(move |request| {
        let app = Rc::clone(&app);
        async move { test::call_service(&*app, request).await }.boxed_local()
    })
}

fn notifier(shared: &Shared, store: Store, mails: &Path) -> Notifier {
    let (team, pepper) = (Some(TEAM.to_owned()), Arc::clone(&shared.pepper));
    let composer = Composer::new(
        "no-reply@wmda.example",
        URL.to_owned(),
        team.clone(),
        Arc::clone(&pepper),
    );
    Notifier::new(
        store,
        Arc::clone(&shared.clock) as _,
        Rules::new(DEFAULT_THRESHOLDS.to_vec(), team).unwrap(),
        (composer.unwrap(), Transport::Folder(mails.to_owned())),
        HookSender::new(HookSettings { allow_private: false }, pepper).unwrap(),
    )
}

fn of_tokens() -> token_endpoint::Settings {
    token_endpoint::Settings {
        public_url: URL.to_owned(),
        tenant_id: "c3ab1869-1472-4577-b669-0d64c732e75c".to_owned(),
        tenant_aliases: Vec::new(),
        support_address: TEAM.to_owned(),
        token_lifetime_seconds: 3600,
        signing_algorithm: SigningAlgorithm::ES256,
        strict_transport: false,
        dpop_nonce_required: false,
        trusted_proxies: Vec::new(),
        rotation: RotationRules {
            overlap: TimeDelta::days(7),
            max_lifetime_days: 365,
            max_live: MOST_LIVE,
        },
        failures: (200, 5000),
        refused_issuers: Vec::new(),
    }
}

fn of_management() -> management::Settings {
    management::Settings {
        public_url: URL.to_owned(),
        lifetimes: Lifetimes {
            min_minutes: 60,
            max_days: 365,
        },
        secrets: SecretLimits {
            live: MOST_LIVE,
            per_hour: 60,
        },
        token_lifetime_seconds: 3600,
        login_failures: 10,
        support_address: Some(TEAM.to_owned()),
        allow_private_webhooks: false,
        refused_issuers: Vec::new(),
    }
}
