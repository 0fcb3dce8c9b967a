//! A fresh database for each test, and a method for every changing call of the store, so that tests don't depend on
//! its signatures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::BigInt,
};
use domain::{
    Clock,
    application::{Application, ApplicationName},
    audit::{Entry, Event, Outcome},
    client::Client,
    digest::Digest,
    organisation::Organisation,
    pepper::Pepper,
    policy::Role,
    resource::{Environment, Resource},
    user::{Assignment, User},
};
use store::{
    DatabaseUrl, NewClientSecret, NewProof, Store, StoreError, client_secrets::SecretLimits,
    memory::ClientMemory, usage::UsageRecorder,
};
use tempfile::TempDir;
use uuid::Uuid;

/// 32 bytes each.
pub const PEPPER: &str = "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub const OTHER_PEPPER: &str = "1 //////////////////////////////////////////8=";
pub const ROLES: [&str; 2] = ["Search.Read", "Search.Write"];
/// The lease of a node, whose clock is set by hand.
pub const LEASE: Duration = Duration::from_millis(500);
/// The current time of every test.
pub const NOW: DateTime<Utc> = DateTime::from_timestamp_nanos(1_800_000_000_000_000_000);
const POOL: u32 = 4;
/// More live secrets than any test creates.
const LIMITS: SecretLimits = SecretLimits {
    live: 10_000,
    per_hour: 10_000,
};

/// An empty database with the current schema.
pub struct Database {
    pub url: String,
    pub store: Store,
    pub pepper: Pepper,
    number: AtomicU32,
    dir: Option<TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("contract.db").display());
        Self::at(url, Some(dir))
    }

    pub fn postgres() -> Self {
        Self::at(empty_postgres(), None)
    }

    fn at(url: String, dir: Option<TempDir>) -> Self {
        let store = open(&url, POOL).unwrap();
        store.migrate().unwrap();
        Self {
            url,
            store,
            pepper: Pepper::parse(PEPPER).unwrap(),
            number: AtomicU32::new(1),
            dir,
        }
    }

    /// The URL of another empty database of the same kind, dropped with this one.
    pub fn another_empty(&self) -> String {
        match &self.dir {
            Some(dir) => format!("sqlite:{}", dir.path().join("empty.db").display()),
            None => empty_postgres(),
        }
    }

    /// The store of another node.
    pub fn open(&self, pool_size: u32) -> Store {
        open(&self.url, pool_size).unwrap()
    }

    /// A raw connection, for what only an operator or an accident does.
    pub fn connection(&self) -> RawConnection {
        RawConnection::establish(&self.url)
    }

    /// A node with a cache of its own, without a lease yet.
    pub fn node(&self) -> Node {
        self.node_with_lease(LEASE)
    }

    pub fn node_with_lease(&self, lease: Duration) -> Node {
        let clock = Arc::new(ManualClock::default());
        let memory = ClientMemory::new(self.store.clone(), Arc::clone(&clock) as _, lease, self.new_id());
        Node { memory, clock }
    }

    /// The version counter.
    pub fn version(&self) -> i64 {
        self.connection()
            .number("SELECT version AS number FROM change_counter")
    }

    pub fn new_id(&self) -> Uuid {
        Uuid::from_u128(self.number.fetch_add(1, Ordering::SeqCst).into())
    }

    /// An audit entry for a change.
    pub fn entry(&self) -> Entry {
        entry(&self.pepper)
    }

    /// The digest under which a value is stored.
    pub fn digest(&self, client_id: Uuid, value: &str) -> Digest {
        self.pepper.digest(client_id, value).1
    }

    // Changes.

    pub async fn organisation(&self, name: &str) -> Result<Uuid, StoreError> {
        self.organisation_as(self.new_id(), name).await
    }

    pub async fn organisation_as(&self, id: Uuid, name: &str) -> Result<Uuid, StoreError> {
        let new = Organisation {
            id,
            name: name.to_owned(),
            country_code: "NL".to_owned(),
            enabled: true,
        };
        self.store
            .create_organisation(new, self.entry())
            .await
            .map(|()| id)
    }

    pub async fn application(&self, organisation_id: Uuid, name: &str) -> Result<Uuid, StoreError> {
        self.application_as(self.new_id(), organisation_id, name).await
    }

    pub async fn application_as(
        &self,
        client_id: Uuid,
        organisation_id: Uuid,
        name: &str,
    ) -> Result<Uuid, StoreError> {
        let new = Application {
            client_id,
            organisation_id,
            name: ApplicationName::parse(name).unwrap(),
            enabled: true,
            dpop_bound_access_tokens: false,
        };
        self.store
            .create_application(new, self.entry())
            .await
            .map(|()| client_id)
    }

    pub async fn resource(&self, name: &str, environment: Environment) -> Result<Uuid, StoreError> {
        let id = self.new_id();
        let new = Resource {
            id,
            uri: None,
            name: name.to_owned(),
            environment,
            token_lifetime_seconds: None,
            signing_algorithm: None,
            roles: ROLES.map(str::to_owned).to_vec(),
        };
        self.store.create_resource(new, self.entry()).await.map(|()| id)
    }

    pub async fn grant(&self, client_id: Uuid, resource_id: Uuid, roles: &[&str]) -> Result<(), StoreError> {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self.store
            .grant(client_id, resource_id, roles, self.entry())
            .await
    }

    pub async fn secret(&self, client_id: Uuid, value: &str) -> Result<Uuid, StoreError> {
        self.new_secret(client_id, value, None).await
    }

    pub async fn secret_that_replaces(
        &self,
        client_id: Uuid,
        value: &str,
        replaced: Uuid,
    ) -> Result<Uuid, StoreError> {
        self.new_secret(client_id, value, Some(replaced)).await
    }

    /// A person of the client's organisation who manages it.
    pub async fn manager(&self, client: SampleClient, email: &str) -> Result<Uuid, StoreError> {
        let id = self.new_id();
        let user = User {
            id,
            email: email.to_owned(),
            display_name: email.to_owned(),
            organisation_id: Some(client.organisation_id),
            roles: vec![Role::CredentialManager],
            enabled: true,
            created_at: NOW,
        };
        self.store.create_user(user, self.entry()).await?;
        let assignment = Assignment {
            client_id: client.client_id,
            user_id: id,
            confirmed_by: "test".to_owned(),
            confirmed_at: NOW,
            assigned_by: "test".to_owned(),
        };
        self.store
            .assign_manager(assignment, self.entry())
            .await
            .map(|()| id)
    }

    async fn new_secret(
        &self,
        client_id: Uuid,
        value: &str,
        replaces: Option<Uuid>,
    ) -> Result<Uuid, StoreError> {
        let id = self.new_id();
        let new = NewClientSecret {
            id,
            client_id,
            name: "contract".to_owned(),
            hint: value.chars().take(3).collect(),
            proof: NewProof::Secret(self.pepper.digest(client_id, value)),
            created_by: "contract".to_owned(),
            created_at: NOW,
            expires_at: NOW + TimeDelta::days(1),
            replaces,
        };
        self.store
            .create_secret(new, LIMITS, self.entry())
            .await
            .map(|()| id)
    }

    /// Whether the secret was there.
    pub async fn delete_secret(&self, client_id: Uuid, secret_id: Uuid) -> bool {
        let entry = self.entry();
        match self.store.delete_secret(client_id, secret_id, NOW, entry).await {
            Err(StoreError::Missing) => false,
            outcome => outcome.map(|()| true).unwrap(),
        }
    }

    pub async fn enable_application(&self, client_id: Uuid, enabled: bool) -> Result<(), StoreError> {
        self.store
            .set_application_enabled(client_id, enabled, self.entry())
            .await
    }

    pub async fn enable_organisation(&self, id: Uuid, enabled: bool) -> Result<(), StoreError> {
        set_organisation_enabled(&self.store, id, enabled).await
    }

    // Ready-made data.

    /// An organisation with one application that has one secret, "value".
    pub async fn client(&self) -> SampleClient {
        let organisation_id = self.organisation("Example").await.unwrap();
        let client_id = self
            .application(organisation_id, "Partner-NL-Example-SMC")
            .await
            .unwrap();
        let secret_id = self.secret(client_id, "value").await.unwrap();
        SampleClient {
            organisation_id,
            client_id,
            secret_id,
        }
    }

    /// What the next database read finds by this value's digest.
    pub async fn found(&self, client_id: Uuid, value: &str) -> Option<Arc<Client>> {
        self.node().found(self, client_id, value).await
    }

    /// The status index of the secret with this value.
    pub async fn status_index(&self, client_id: Uuid, value: &str) -> i64 {
        let digest = self.digest(client_id, value);
        let client = self.found(client_id, value).await.unwrap();
        let mut credentials = client.credentials.iter();
        let secret = credentials.find(|one| one.proof.is_secret_of(&[digest]));
        secret.unwrap().status_index
    }

    /// The stored number of tokens that a secret has obtained.
    pub fn tokens(&self, secret_id: Uuid) -> i64 {
        self.connection().number(&format!(
            "SELECT CAST(sum(tokens) AS BIGINT) AS number FROM token_counts WHERE secret_id = '{secret_id}'"
        ))
    }

    /// When a secret was last used, and its number of tokens.
    pub async fn usage(&self, client_id: Uuid, secret_id: Uuid) -> (Option<DateTime<Utc>>, i64) {
        let later = NOW + TimeDelta::days(2);
        let secret = self
            .store
            .secret(client_id, secret_id, later)
            .await
            .unwrap()
            .unwrap();
        let tokens = secret.tokens_per_day.iter().map(|day| day.1).sum();
        (secret.last_use.map(|last| last.at), tokens)
    }
}

fn entry(pepper: &Pepper) -> Entry {
    Entry {
        event: Event {
            at: NOW,
            actor: "test".to_owned(),
            action: "test".to_owned(),
            object: "-".to_owned(),
            source: "-".to_owned(),
            outcome: Outcome::Done.to_string(),
        },
        key: Arc::new(pepper.current_audit_key()),
    }
}

pub async fn set_organisation_enabled(store: &Store, id: Uuid, enabled: bool) -> Result<(), StoreError> {
    let pepper = Pepper::parse(PEPPER).unwrap();
    store.set_organisation_enabled(id, enabled, entry(&pepper)).await
}

#[derive(Clone, Copy)]
pub struct SampleClient {
    pub organisation_id: Uuid,
    pub client_id: Uuid,
    pub secret_id: Uuid,
}

/// One node of several on the same database.
pub struct Node {
    pub memory: ClientMemory,
    pub clock: Arc<ManualClock>,
}

impl Node {
    pub async fn found(&self, database: &Database, client_id: Uuid, value: &str) -> Option<Arc<Client>> {
        let digest = database.digest(client_id, value);
        self.memory.find(client_id, &[digest]).await.unwrap()
    }
}

/// A monotonic clock that is set by hand.
#[derive(Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn set(&self, to: Duration) {
        self.0
            .store(u64::try_from(to.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        NOW
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// Counts this many tokens.
pub fn record(recorder: &UsageRecorder, secret_id: Uuid, at: DateTime<Utc>, tokens: usize) {
    (0..tokens).for_each(|_| recorder.record(secret_id, at, [192, 0, 2, 1].into(), "contract"));
}

/// Raw SQL beside the store; dropping it rolls back the open transaction.
pub enum RawConnection {
    Sqlite(SqliteConnection),
    Postgres(RawPostgres),
}

/// Each call has a thread of its own: a test may run in a runtime, inside which no other can block.
pub struct RawPostgres {
    runtime: Option<tokio::runtime::Runtime>,
    client: tokio_postgres::Client,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl RawConnection {
    fn establish(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                let mut connection = SqliteConnection::establish(path).unwrap();
                connection.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                Self::Sqlite(connection)
            }
            None => Self::Postgres(RawPostgres::connect(url)),
        }
    }

    pub fn execute(&mut self, statements: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(statements).unwrap(),
            Self::Postgres(connection) => {
                connection.wait(async |client| client.batch_execute(statements).await.unwrap());
            }
        }
    }

    /// Runs a query with the one column `number`.
    pub fn number(&mut self, query: &str) -> i64 {
        match self {
            Self::Sqlite(connection) => sql_query(query).get_result::<Number>(connection).unwrap().number,
            Self::Postgres(connection) => {
                connection.wait(async |client| client.query_one(query, &[]).await.unwrap().get("number"))
            }
        }
    }
}

impl RawPostgres {
    fn connect(url: &str) -> Self {
        let connect = || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            let client = runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client
            });
            Self {
                runtime: Some(runtime),
                client,
            }
        };
        std::thread::scope(|scope| scope.spawn(connect).join()).unwrap()
    }

    fn wait<T: Send>(&self, work: impl AsyncFnOnce(&tokio_postgres::Client) -> T + Send) -> T {
        let runtime = self.runtime.as_ref().unwrap();
        let wait = || runtime.block_on(work(&self.client));
        std::thread::scope(|scope| scope.spawn(wait).join()).unwrap()
    }
}

impl Drop for RawPostgres {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn open(url: &str, pool_size: u32) -> Result<Store, StoreError> {
    Store::create(&DatabaseUrl::parse(url)?, pool_size)
}

/// A new database on the server that the test run names; without a server the test fails.
fn empty_postgres() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("WMDA_AUTH_TEST_POSTGRES_URL")
        .expect("WMDA_AUTH_TEST_POSTGRES_URL is not set: run `cargo xtask test`");
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let name = format!("store_contract_{}_{number}", std::process::id());
    RawConnection::establish(&server).execute(&format!("CREATE DATABASE {name}"));
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}
