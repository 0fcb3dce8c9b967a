//! The management API inside the test process, on a database of its own, under a clock set by hand.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use actix_web::{App, body::MessageBody, dev::ServiceResponse, test, web};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, expiry::Lifetimes, pepper::Pepper};
use management::{Allowed, Management, Settings, organisations::NewOrganisation, users::NewUser};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use store::{DatabaseUrl, Store, client_secrets::SecretLimits, memory::ClientMemory};
use tempfile::TempDir;
use totp_rs::{Algorithm, Secret, TOTP};
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse battery";

/// Starts in November 2026, at the beginning of a TOTP time step.
pub struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed).unsigned_abs())
    }
}

pub struct World {
    pub service: web::Data<Management>,
    pub allowed: Allowed,
    clock: Arc<HandClock>,
    _dir: TempDir,
}

/// An enrolled person.
pub struct Person {
    pub id: Uuid,
    pub email: String,
    pub totp_secret: String,
}

impl World {
    pub fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite:{}", dir.path().join("management.db").display());
        Self::on(&url, dir)
    }

    pub fn postgres() -> Self {
        Self::on(&empty_postgres(), TempDir::new().unwrap())
    }

    fn on(url: &str, dir: TempDir) -> Self {
        let store = Store::create(&DatabaseUrl::parse(url).unwrap(), 4).unwrap();
        store.migrate().unwrap();
        let random = SystemRandom::new();
        let pepper = Pepper::parse(&Pepper::generate(&random).unwrap()).unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(1_795_000_020_000)));
        let memory = ClientMemory::new(
            store.clone(),
            Arc::clone(&clock) as _,
            Duration::from_millis(1),
            Uuid::from_u128(1),
        );
        let settings = Settings {
            public_url: "http://127.0.0.1".to_owned(),
            lifetimes: Lifetimes {
                min_minutes: 0,
                max_days: 365,
            },
            secrets: SecretLimits {
                live: 2,
                per_hour: 60,
            },
            token_lifetime_seconds: 3600,
            login_failures: 10,
            support_address: Some("team@wmda.example".to_owned()),
            allow_private_webhooks: false,
            refused_issuers: Vec::new(),
        };
        let pepper = Arc::new(pepper);
        let service = Management::new(
            settings,
            store,
            Arc::new(memory),
            pepper,
            Arc::clone(&clock) as _,
            Arc::new(random),
        );
        Self {
            allowed: service.operator("test"),
            service: web::Data::new(service),
            clock,
            _dir: dir,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn pass(&self, time: TimeDelta) {
        self.clock.0.fetch_add(time.num_milliseconds(), Ordering::Relaxed);
    }

    /// One request to the API; the server around it is rebuilt each time, as on another node.
    pub async fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let answer = self.answer(method, path, token, body).await;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().try_into_bytes().unwrap_or_default();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub async fn answer(&self, method: &str, path: &str, token: &str, body: &Value) -> ServiceResponse {
        let document = web::Data::new(management::Documentation::new(management::openapi()).unwrap());
        let app = App::new().configure(|config| management::configure(config, &self.service, &document));
        let app = test::init_service(app).await;
        let mut request = test::TestRequest::with_uri(&format!("/api/v1{path}"))
            .method(method.parse().unwrap())
            .insert_header(("authorization", format!("Bearer {token}")));
        if !body.is_null() {
            request = request.set_json(body);
        }
        test::call_service(&app, request.to_request())
            .await
            .map_into_boxed_body()
    }

    pub async fn organisation(&self, name: &str) -> Uuid {
        let new = NewOrganisation {
            name: name.to_owned(),
            country_code: "NL".to_owned(),
        };
        let made = self.service.create_organisation(&self.allowed, new).await;
        made.unwrap().id
    }

    pub async fn invite(&self, email: &str, role: &str, organisation_id: Option<Uuid>) -> (Uuid, String) {
        let new = NewUser {
            email: email.to_owned(),
            display_name: "Somebody".to_owned(),
            organisation_id,
            roles: vec![role.to_owned()],
            send_mail: false,
        };
        let made = self.service.create_user(&self.allowed, new).await.unwrap();
        (made.user.id, token_of(&made.link.enrolment_url.unwrap()))
    }

    pub async fn person(&self, email: &str, role: &str, organisation_id: Option<Uuid>) -> Person {
        let (id, _) = self.invite(email, role, organisation_id).await;
        let who = (id, email);
        let enrolled = self.service.enrol_sample(&self.allowed, who, PASSWORD.to_owned());
        Person {
            id,
            email: email.to_owned(),
            totp_secret: enrolled.await.unwrap(),
        }
    }

    /// The TOTP code `steps` time steps of 30 seconds from now.
    pub fn code(&self, secret: &str, steps: i64) -> String {
        let secret = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
        let totp = TOTP::new(Algorithm::SHA1, 6, 0, 30, secret, None, String::new()).unwrap();
        let at = self.now().timestamp() + steps * 30;
        totp.generate(at.unsigned_abs())
    }

    pub async fn attempt(&self, person: &Person, password: &str, code: &str) -> (u16, Value) {
        let proof = json!({ "email": person.email, "password": password, "totp": code });
        self.call("POST", "/session", "", &proof).await
    }

    /// Signs in and returns the session token; waits for the next code first.
    pub async fn sign_in(&self, person: &Person) -> String {
        self.pass(TimeDelta::seconds(30));
        let code = self.code(&person.totp_secret, 0);
        let (status, view) = self.attempt(person, PASSWORD, &code).await;
        assert_eq!(status, 201, "{view}");
        view["token"].as_str().unwrap().to_owned()
    }

    /// Whether a session is live; this check counts as use.
    pub async fn alive(&self, token: &str) -> bool {
        self.call("GET", "/session", token, &Value::Null).await.0 == 200
    }
}

/// The token after `#token=` in a link.
pub fn token_of(url: &str) -> String {
    url.split_once("#token=").unwrap().1.to_owned()
}

fn empty_postgres() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("WMDA_AUTH_TEST_POSTGRES_URL")
        .expect("WMDA_AUTH_TEST_POSTGRES_URL is not set: run `cargo xtask test`");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("management_{}_{number}", std::process::id());
    let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
    let made = Command::new(Path::new(&folder).join("psql"))
        .args([&server, "-qc", &format!("CREATE DATABASE {name}")])
        .status();
    assert!(made.unwrap().success(), "no database could be made");
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}
