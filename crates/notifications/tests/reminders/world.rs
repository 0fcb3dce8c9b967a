//! A database of its own, a clock set by hand, nodes, people and secrets.

use std::{
    net::Ipv4Addr,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    Clock,
    application::{Application, ApplicationName},
    audit::{Entry, Event, Outcome},
    credential::CredentialKind,
    organisation::Organisation,
    pepper::Pepper,
    policy::Role,
    user::{Assignment, User},
};
use notifications::{
    Composer, HookSender, HookSettings, Notifier, Transport,
    rules::{DEFAULT_THRESHOLDS, Rules},
};
use store::{
    DatabaseUrl, NewClientSecret, NewProof, Store,
    client_secrets::SecretLimits,
    refusals::{RefusalRecorder, RefusedRequest},
    usage::UsageRecorder,
    users::UserChange,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::smtp::Server;

pub const TEAM: &str = "support@wmda.example";
pub const START: DateTime<Utc> = DateTime::from_timestamp_nanos(1_800_000_000_000_000_000);

/// A shared clock.
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn get(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub fn set(&self, to: DateTime<Utc>) {
        self.0.store(to.timestamp_millis(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        self.get()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// The environment of a test.
pub struct World {
    pub clock: Arc<HandClock>,
    pub server: Server,
    pub store: Store,
    pub pepper: Arc<Pepper>,
    url: String,
    number: AtomicU32,
    _dir: TempDir,
}

impl World {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("reminders.db").display());
        Self::at(url, dir)
    }

    /// A fresh database on the server that the test run names; without one the test fails.
    pub fn postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("WMDA_AUTH_TEST_POSTGRES_URL")
            .expect("WMDA_AUTH_TEST_POSTGRES_URL is not set: run `cargo xtask test`");
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("reminders_{}_{number}", std::process::id());
        let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
        let made = Command::new(Path::new(&folder).join("psql"))
            .args([&server, "-qc", &format!("CREATE DATABASE {name}")])
            .status();
        assert!(made.unwrap().success(), "no database could be made");
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Self::at(url, tempfile::tempdir().unwrap())
    }

    fn at(url: String, dir: TempDir) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(START.timestamp_millis())));
        let store = Store::create(&DatabaseUrl::parse(&url).unwrap(), 4).unwrap();
        store.migrate().unwrap();
        Self {
            server: Server::start(Arc::clone(&clock)),
            clock,
            store,
            pepper: Arc::new(Pepper::parse("1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()),
            url,
            number: AtomicU32::new(1),
            _dir: dir,
        }
    }

    /// A node with a store of its own that sends to the server.
    pub fn node(&self) -> Notifier {
        self.node_by(Transport::smtp_within(&self.server.url(), Duration::from_secs(1)).unwrap())
    }

    pub fn node_by(&self, transport: Transport) -> Notifier {
        self.node_with(transport, i64::MAX)
    }

    /// A node with this rate limit of mails per recipient and hour.
    pub fn rate_limited_node(&self, mails_per_hour: i64) -> Notifier {
        let transport = Transport::smtp_within(&self.server.url(), Duration::from_secs(1)).unwrap();
        self.node_with(transport, mails_per_hour)
    }

    fn node_with(&self, transport: Transport, mails_per_hour: i64) -> Notifier {
        let support = Some(TEAM.to_owned());
        let (url, pepper) = ("https://auth.wmda.example".to_owned(), Arc::clone(&self.pepper));
        let from = "WMDA Manage API Credentials <no-reply@wmda.example>";
        let settings = HookSettings { allow_private: true };
        Notifier::new(
            Store::create(&DatabaseUrl::parse(&self.url).unwrap(), 2).unwrap(),
            Arc::clone(&self.clock) as _,
            Rules::new(DEFAULT_THRESHOLDS.to_vec(), support.clone())
                .unwrap()
                .with_mails_per_hour(mails_per_hour),
            (
                Composer::new(from, url, support, Arc::clone(&pepper)).unwrap(),
                transport,
            ),
            HookSender::new(settings, pepper).unwrap(),
        )
    }

    pub fn id(&self) -> Uuid {
        Uuid::from_u128(self.number.fetch_add(1, Ordering::SeqCst).into())
    }

    pub fn entry(&self) -> Entry {
        Entry {
            event: Event {
                at: self.clock.get(),
                actor: "test".to_owned(),
                action: "test".to_owned(),
                object: "-".to_owned(),
                source: "-".to_owned(),
                outcome: Outcome::Done.to_string(),
            },
            key: Arc::new(self.pepper.current_audit_key()),
        }
    }

    /// An audit entry with this actor and source address.
    pub fn entry_by(&self, actor: &str, source: &str) -> Entry {
        let mut entry = self.entry();
        actor.clone_into(&mut entry.event.actor);
        source.clone_into(&mut entry.event.source);
        entry
    }

    pub async fn organisation(&self, name: &str) -> Uuid {
        let id = self.id();
        let new = Organisation {
            id,
            name: name.to_owned(),
            country_code: "NL".to_owned(),
            enabled: true,
        };
        self.store.create_organisation(new, self.entry()).await.unwrap();
        id
    }

    pub async fn application(&self, organisation_id: Uuid, name: &str) -> Uuid {
        let client_id = self.id();
        let new = Application {
            client_id,
            organisation_id,
            name: ApplicationName::parse(name).unwrap(),
            enabled: true,
            dpop_bound_access_tokens: false,
        };
        self.store.create_application(new, self.entry()).await.unwrap();
        client_id
    }

    pub async fn person(&self, organisation_id: Uuid, email: &str) -> Uuid {
        let id = self.id();
        let new = User {
            id,
            email: email.to_owned(),
            display_name: "Somebody".to_owned(),
            organisation_id: Some(organisation_id),
            roles: vec![Role::CredentialManager],
            enabled: true,
            created_at: self.clock.get(),
        };
        self.store.create_user(new, self.entry()).await.unwrap();
        id
    }

    pub async fn disable(&self, user_id: Uuid) {
        let change = UserChange {
            enabled: Some(false),
            roles: None,
            display_name: None,
        };
        self.store
            .change_user(user_id, change, self.entry())
            .await
            .unwrap();
    }

    pub async fn assign(&self, client_id: Uuid, user_id: Uuid) {
        let new = Assignment {
            client_id,
            user_id,
            confirmed_by: "somebody".to_owned(),
            confirmed_at: self.clock.get(),
            assigned_by: "test".to_owned(),
        };
        self.store.assign_manager(new, self.entry()).await.unwrap();
    }

    /// An application with one manager.
    pub async fn managed(&self, email: &str) -> Managed {
        let organisation_id = self.organisation(&format!("Organisation of {email}")).await;
        let number = self.number.load(Ordering::SeqCst);
        let client_id = self
            .application(organisation_id, &format!("Partner-NL-Example{number}-SMC"))
            .await;
        let user_id = self.person(organisation_id, email).await;
        self.assign(client_id, user_id).await;
        Managed {
            organisation_id,
            client_id,
            user_id,
        }
    }

    /// Another manager of the same application.
    pub async fn colleague(&self, managed: Managed, email: &str) -> Uuid {
        let user_id = self.person(managed.organisation_id, email).await;
        self.assign(managed.client_id, user_id).await;
        user_id
    }

    pub async fn secret(&self, client_id: Uuid, name: &str, span: (DateTime<Utc>, DateTime<Utc>)) -> Uuid {
        let id = self.id();
        let new = NewClientSecret {
            id,
            client_id,
            name: name.to_owned(),
            hint: "abc".to_owned(),
            proof: NewProof::Secret(self.pepper.digest(client_id, &id.to_string())),
            created_by: "anna@registry.example".to_owned(),
            created_at: span.0,
            expires_at: span.1,
            replaces: None,
        };
        self.store
            .create_secret(new, SecretLimits::NONE, self.entry())
            .await
            .unwrap();
        id
    }

    pub async fn delete(&self, client_id: Uuid, secret_id: Uuid) {
        let (now, entry) = (self.clock.get(), self.entry());
        self.store
            .delete_secret(client_id, secret_id, now, entry)
            .await
            .unwrap();
    }

    /// The secret obtains a token now.
    pub async fn using(&self, secret_id: Uuid) {
        let recorder = UsageRecorder::default();
        recorder.record(secret_id, self.clock.get(), [192, 0, 2, 7].into(), "curl/8.5.0");
        recorder.flush(&self.store).await.unwrap();
    }

    /// The suspended secret is presented now.
    pub async fn trying_while_suspended(&self, secret_id: Uuid) {
        let recorder = UsageRecorder::default();
        recorder.record_suspended(secret_id, self.clock.get());
        recorder.flush(&self.store).await.unwrap();
    }

    /// The expired secret is presented now.
    pub async fn trying(&self, client_id: Uuid, secret_id: Uuid) {
        self.trying_with(client_id, secret_id, "python-requests/2.31.0")
            .await;
    }

    /// The same with this user agent.
    pub async fn trying_with(&self, client_id: Uuid, secret_id: Uuid, user_agent: &str) {
        let refusals = RefusalRecorder::default();
        refusals.record(RefusedRequest {
            at: self.clock.get(),
            trace_id: Uuid::nil(),
            client_id: Some(client_id),
            credential_id: Some(secret_id),
            cause: CredentialKind::Secret.cause_of_expiry(),
            route: "/oauth2/token".to_owned(),
            source: Ipv4Addr::new(192, 0, 2, 44).into(),
            user_agent: user_agent.to_owned(),
            resource: None,
        });
        refusals.flush(&self.store).await.unwrap();
        let recorder = UsageRecorder::default();
        recorder.record_expired(secret_id, self.clock.get());
        recorder.flush(&self.store).await.unwrap();
    }
}

/// An application and its manager.
#[derive(Clone, Copy)]
pub struct Managed {
    pub organisation_id: Uuid,
    pub client_id: Uuid,
    pub user_id: Uuid,
}
