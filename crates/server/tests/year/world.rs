//! A database of its own, a clock that is set by hand, two nodes, and people.

use std::{
    cell::Cell,
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use actix_web::{body::MessageBody, http::header::CONTENT_TYPE, test::TestRequest};
use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, pepper::Pepper};
use keystore::{Algorithm, FIRST_ALGORITHMS, KeyFolder};
use management::{
    Allowed, applications::NewApplication, managers::NewManager, organisations::NewOrganisation,
    permissions::NewPermission, resource_servers::NewResourceServerBody, resources::NewResource,
    users::NewUser,
};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use tempfile::TempDir;
use totp_rs::{Secret, TOTP};
use uuid::Uuid;

use crate::{
    nodes::{Node, Shared},
    plot::{Member, START},
};

pub const TEAM: &str = "team@wmda.example";
const PASSWORD: &str = "correct horse battery";
const ROLE: &str = "Search.Read";
const RESOURCE: Uuid = Uuid::from_u128(0xf6d7_8a69);

/// A clock that all nodes share.
pub struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// An enrolled person.
pub struct Person {
    id: Uuid,
    email: String,
    totp_secret: String,
}

/// A node's answer.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

pub struct World {
    nodes: [Node; 2],
    up: Cell<[bool; 2]>,
    turn: Cell<usize>,
    polled: Cell<DateTime<Utc>>,
    shared: Shared,
    team: Option<Person>,
    api: Option<(String, String)>,
    dir: TempDir,
}

impl World {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("year.db").display());
        Self::on(url, dir).await
    }

    /// A fresh database on the server that the test run names; without one the test fails.
    pub async fn postgres() -> Self {
        let server = std::env::var("WMDA_AUTH_TEST_POSTGRES_URL")
            .expect("WMDA_AUTH_TEST_POSTGRES_URL is not set: run `cargo xtask test`");
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("year_{}_{number}", std::process::id());
        let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
        let made = Command::new(Path::new(&folder).join("psql"))
            .args([&server, "-qc", &format!("CREATE DATABASE {name}")])
            .status();
        assert!(made.unwrap().success(), "no database could be made");
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Self::on(url, tempfile::tempdir().unwrap()).await
    }

    async fn on(url: String, dir: TempDir) -> Self {
        let begins = START - TimeDelta::hours(3);
        let keys = KeyFolder::new(dir.path().join("keys"));
        keys.generate_missing(&FIRST_ALGORITHMS, begins).unwrap();
        let shared = Shared {
            url,
            clock: Arc::new(HandClock(AtomicI64::new(begins.timestamp_millis()))),
            pepper: Arc::new(Pepper::parse(&Pepper::generate(&SystemRandom::new()).unwrap()).unwrap()),
            keys: Arc::new(ArcSwap::from_pointee(
                keys.load(begins, Algorithm::ES256).unwrap(),
            )),
        };
        let mails = dir.path().join("mail");
        let nodes = [
            Node::start(&shared, 1, &mails).await,
            Node::start(&shared, 2, &mails).await,
        ];
        let mut world = Self {
            nodes,
            up: Cell::new([true, true]),
            turn: Cell::new(0),
            polled: Cell::new(begins),
            shared,
            team: None,
            api: None,
            dir,
        };
        world.open().await;
        world
    }

    /// Sets up what comes before any member: the WMDA team, an API, and its credential for introspection.
    async fn open(&mut self) {
        let team = self.person(TEAM, "admin", None).await;
        self.team = Some(team);
        let (service, allowed) = (&self.nodes[0].management, self.operator());
        let resource = NewResource {
            id: RESOURCE,
            name: "Search & Match".to_owned(),
            environment: "production".to_owned(),
            uri: None,
            token_lifetime_seconds: None,
            signing_algorithm: None,
            roles: vec![ROLE.to_owned()],
        };
        service.create_resource(&allowed, resource).await.unwrap();
        let server = NewResourceServerBody {
            name: "Search".to_owned(),
            resources: vec![RESOURCE],
        };
        let made = service.create_resource_server(&allowed, server).await.unwrap();
        self.api = Some((made.client_id.to_string(), made.client_secret));
    }

    fn operator(&self) -> Allowed {
        self.nodes[0].management.operator("test")
    }

    /// Sets which nodes run from now on.
    pub fn set_up(&self, up: [bool; 2]) {
        self.up.set(up);
    }

    fn running(&self) -> impl Iterator<Item = &Node> {
        let up = self.up.get();
        self.nodes
            .iter()
            .zip(up)
            .filter(|(_, up)| *up)
            .map(|(node, _)| node)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    /// Advances time to an instant; no node has a lease then, and each reads the database until it polls.
    pub fn reach(&self, instant: DateTime<Utc>) {
        let at = instant.max(self.now()).timestamp_millis();
        self.shared.clock.0.store(at, Ordering::SeqCst);
    }

    /// The nodes poll, unless they have since time last advanced; then they answer from their caches.
    pub async fn polls(&self) {
        let now = self.now();
        if self.polled.replace(now) < now {
            self.poll_now().await;
        }
    }

    async fn poll_now(&self) {
        for node in self.running() {
            node.poll().await;
        }
    }

    /// Usage is flushed, and both nodes look for due mails at once; returns recipient and subject of what was sent.
    pub async fn mails(&self) -> Vec<(String, String)> {
        for node in self.running() {
            node.housekeeping().await;
        }
        futures_util::future::join_all(self.running().map(Node::send_mails)).await;
        let Ok(files) = fs::read_dir(self.dir.path().join("mail")) else {
            return Vec::new();
        };
        let read = |path: std::path::PathBuf| {
            let text = fs::read_to_string(&path).unwrap();
            fs::remove_file(path).unwrap();
            (header(&text, "To"), header(&text, "Subject"))
        };
        files.map(|file| read(file.unwrap().path())).collect()
    }

    /// Sends to the next running node, like a load balancer.
    async fn send(&self, request: TestRequest) -> Answer {
        let turn = self.turn.replace(self.turn.get() + 1);
        let running: Vec<&Node> = self.running().collect();
        let answer = running[turn % running.len()].answer(request.to_request()).await;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().try_into_bytes().unwrap_or_default();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status, body }
    }

    async fn form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = TestRequest::post()
            .uri(path)
            .peer_addr(([192, 0, 2, 7], 9).into())
            .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .set_payload(body.finish());
        self.send(request).await
    }

    pub async fn token(&self, client_id: &str, secret: &str) -> Answer {
        let grant = ("grant_type", "client_credentials");
        let form = [grant, ("client_id", client_id), ("client_secret", secret)];
        self.form("/oauth2/token", &form).await
    }

    pub async fn rotate(&self, client_id: &str, secret: &str) -> Answer {
        let form = [("client_id", client_id), ("client_secret", secret)];
        self.form("/oauth2/rotate-secret", &form).await
    }

    /// Whether an API is told that a token is active.
    pub async fn is_active(&self, token: &str) -> bool {
        let (client_id, secret) = self.api.as_ref().unwrap();
        let form = [
            ("token", token),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        let answer = self.form("/oauth2/introspect", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["active"].as_bool().unwrap()
    }

    /// Signs in and calls the management API.
    pub async fn call(&self, person: &Person, (method, path): (&str, &str), body: &Value) -> Answer {
        let proof = json!({ "email": person.email, "password": PASSWORD, "totp": self.code(person) });
        let session = TestRequest::post().uri("/api/v1/session").set_json(&proof);
        let session = self.send(session).await;
        assert_eq!(session.status, 201, "{}", session.body);
        let token = session.body["token"].as_str().unwrap();
        let mut request = TestRequest::with_uri(&format!("/api/v1/applications/{path}"))
            .method(method.parse().unwrap())
            .insert_header(("authorization", format!("Bearer {token}")));
        if !body.is_null() {
            request = request.set_json(body);
        }
        let answer = self.send(request).await;
        // A change is answered after a lease, in which every node has polled; here no time passes during that wait.
        self.poll_now().await;
        answer
    }

    /// The same by the WMDA team.
    pub async fn call_as_team(&self, what: (&str, &str), body: &Value) -> Answer {
        self.call(self.team.as_ref().unwrap(), what, body).await
    }

    fn code(&self, person: &Person) -> String {
        let secret = Secret::Encoded(person.totp_secret.clone()).to_bytes().unwrap();
        let totp = TOTP::new(totp_rs::Algorithm::SHA1, 6, 0, 30, secret, None, String::new()).unwrap();
        totp.generate(self.now().timestamp().unsigned_abs())
    }

    async fn person(&self, email: &str, role: &str, organisation_id: Option<Uuid>) -> Person {
        let (service, allowed) = (&self.nodes[0].management, self.operator());
        let new = NewUser {
            email: email.to_owned(),
            display_name: "Somebody".to_owned(),
            organisation_id,
            roles: vec![role.to_owned()],
            send_mail: false,
        };
        let id = service.create_user(&allowed, new).await.unwrap().user.id;
        let enrolled = service.enrol_sample(&allowed, (id, email), PASSWORD.to_owned());
        Person {
            id,
            email: email.to_owned(),
            totp_secret: enrolled.await.unwrap(),
        }
    }

    /// Creates an organisation with an application and its manager.
    pub async fn member(&self, member: &Member) -> (Person, String) {
        let (service, allowed) = (&self.nodes[0].management, self.operator());
        let new = NewOrganisation {
            name: format!("Registry {}", member.number),
            country_code: "NL".to_owned(),
        };
        let organisation_id = service.create_organisation(&allowed, new).await.unwrap().id;
        let person = self
            .person(&member.manager(), "credential_manager", Some(organisation_id))
            .await;
        let new = NewApplication {
            name: member.application(),
            organisation_id,
            client_id: None,
        };
        let client_id = service.create_application(&allowed, new).await.unwrap().client_id;
        let manager = NewManager {
            user_id: person.id,
            confirmed_by: None,
            confirmed_at: None,
        };
        let assigned = service.assign_manager(&allowed, client_id, manager).await;
        assert!(assigned.is_ok());
        let new = NewPermission {
            resource_id: RESOURCE,
            roles: vec![ROLE.to_owned()],
        };
        assert!(service.grant(&allowed, client_id, new).await.is_ok());
        (person, client_id.to_string())
    }
}

/// A header of a mail, unfolded (RFC 5322 section 2.2.3).
fn header(mail: &str, name: &str) -> String {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let start = format!("{name}: ");
    let line = head.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap().to_owned()
}
