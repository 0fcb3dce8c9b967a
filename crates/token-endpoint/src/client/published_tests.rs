//! Published keys as they age, and what a publisher may do to who reads them.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chrono::TimeDelta;
use domain::client_key::ClientKey;
use store::DatabaseUrl;
use tempfile::TempDir;

use super::*;

/// RFC 7517 appendix A.1.
const KEY: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;

/// A database in this folder.
pub(super) fn store(folder: &Path) -> Store {
    let url = format!("sqlite:{}", folder.join("published.db").display());
    let store = Store::create(&DatabaseUrl::parse(&url).unwrap(), 2).unwrap();
    store.migrate().unwrap();
    store
}

/// A clock that stands until it is moved, in seconds.
#[derive(Default)]
struct ManualClock {
    seconds: AtomicU64,
    /// When the machine started.
    started: AtomicU64,
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.seconds.load(Ordering::SeqCst)).unwrap();
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn monotonic(&self) -> Duration {
        let started = self.started.load(Ordering::SeqCst);
        Duration::from_secs(self.seconds.load(Ordering::SeqCst).saturating_sub(started))
    }
}

fn node(clock: &Arc<ManualClock>, folder: &Path) -> Published {
    let clock = Arc::clone(clock) as _;
    Published::new(Fetcher::new(true).unwrap(), Vec::new(), clock, store(folder))
}

/// Publishes what it is told, on loopback; nothing at all when it is down.
struct World {
    published: Published,
    clock: Arc<ManualClock>,
    body: Arc<Mutex<Option<String>>>,
    place: KeyPlace,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let body: Arc<Mutex<Option<String>>> = Arc::default();
        let served = Arc::clone(&body);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(body) = served.lock().unwrap().clone() else {
                    continue;
                };
                let _ = stream.read(&mut [0; 4096]).unwrap();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // Whoever has read enough hangs up.
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        let clock = Arc::new(ManualClock::default());
        let folder = tempfile::tempdir().unwrap();
        Self {
            published: node(&clock, folder.path()),
            clock,
            body,
            place: KeyPlace::Set(url),
            folder,
        }
    }

    /// The machine starts anew, and its monotonic clock with it.
    fn restart(&mut self) {
        let now = self.clock.seconds.load(Ordering::SeqCst);
        self.clock.started.store(now, Ordering::SeqCst);
        self.published = node(&self.clock, self.folder.path());
    }

    /// When what the database has was read, in seconds.
    async fn kept_at(&self) -> i64 {
        let kept = store(self.folder.path()).published_keys(self.place.clone()).await;
        kept.unwrap().unwrap().1.timestamp()
    }

    fn publish(&self, body: impl Into<String>) {
        *self.body.lock().unwrap() = Some(body.into());
    }

    fn down(&self) {
        *self.body.lock().unwrap() = None;
    }

    fn at(&self, hours: u64, seconds: u64) {
        self.clock.seconds.store(hours * 3600 + seconds, Ordering::SeqCst);
    }

    async fn names(&self) -> Vec<String> {
        let keys = self.published.keys_at(&self.place, None).await.unwrap();
        keys.iter().filter_map(|key| key.kid.clone()).collect()
    }

    async fn is_told(&self) -> bool {
        let key = ClientKey::Published(self.place.name().to_owned());
        self.published
            .are_missing(&Proof::Key(Arc::new(key)))
            .await
            .unwrap()
    }
}

fn set(names: &[&str]) -> String {
    let keys: Vec<String> = names
        .iter()
        .map(|kid| format!(r#"{{"kid":"{kid}",{KEY}}}"#))
        .collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

#[tokio::test]
async fn keys_that_can_t_be_read_any_more_count_for_a_day_and_their_owner_is_told_before() {
    let world = World::new();
    world.publish(set(&["a"]));
    world.at(1, 0);
    assert_eq!(world.names().await, ["a"]);
    world.down();
    for (hours, seconds, told) in [(1, 61, false), (12, 3599, false), (13, 0, true), (24, 3599, true)] {
        world.at(hours, seconds);
        assert_eq!(world.is_told().await, told, "after {hours} h and {seconds} s");
        assert_eq!(world.names().await, ["a"], "after {hours} h and {seconds} s");
    }
    world.at(25, 0);
    assert!(world.names().await.is_empty(), "fails closed after a day");
    assert!(world.is_told().await);
    world.publish(set(&["b"]));
    world.at(25, 11);
    assert_eq!(world.names().await, ["b"]);
    assert!(!world.is_told().await);
}

#[tokio::test]
async fn a_key_that_disappears_counts_for_a_minute_at_most() {
    let world = World::new();
    world.publish(set(&["a", "b"]));
    assert_eq!(world.names().await, ["a", "b"]);
    world.publish(set(&["b"]));
    world.at(0, 60);
    assert_eq!(world.names().await, ["b"]);
}

#[tokio::test]
async fn a_place_that_never_answered_gives_no_keys_and_is_told() {
    let world = World::new();
    assert!(world.is_told().await && world.names().await.is_empty());
}

#[tokio::test]
async fn a_node_that_starts_while_the_place_is_away_believes_what_was_read_for_the_rest_of_the_day() {
    let mut world = World::new();
    world.publish(set(&["a", "b"]));
    assert_eq!(world.names().await, ["a", "b"]);
    world.publish(set(&["b"]));
    world.at(1, 0);
    assert_eq!(world.names().await, ["b"]);
    world.down();
    for (hours, seconds, told) in [(1, 61, false), (12, 3599, false), (13, 0, true), (24, 3599, true)] {
        world.at(hours, seconds);
        world.restart();
        assert_eq!(world.names().await, ["b"], "after {hours} h and {seconds} s");
        assert_eq!(world.is_told().await, told, "after {hours} h and {seconds} s");
    }
    world.at(25, 0);
    assert!(world.names().await.is_empty(), "fails closed after a day");
    world.restart();
    assert!(world.names().await.is_empty(), "and stays so");
    assert!(world.is_told().await);
    world.publish(set(&["c"]));
    world.at(25, 11);
    assert_eq!(world.names().await, ["c"]);
    world.down();
    world.at(25, 10);
    world.restart();
    assert!(world.names().await.is_empty(), "read by a clock that was ahead");
}

#[tokio::test]
async fn whoever_asks_while_a_node_still_recalls_is_answered_by_what_it_recalls() {
    let mut world = World::new();
    world.publish(set(&["a"]));
    assert_eq!(world.names().await, ["a"]);
    world.down();
    world.restart();
    let asked = (0..2_000).map(|turns| {
        let world = &world;
        async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            world.names().await
        }
    });
    let answers = futures_util::future::join_all(asked).await;
    let empty = answers.iter().position(Vec::is_empty);
    assert_eq!(empty, None, "of {}", answers.len());
}

#[tokio::test]
async fn whoever_asks_a_node_that_can_t_recall_is_told_so_and_not_that_the_key_is_unknown() {
    let mut world = World::new();
    world.publish(set(&["a"]));
    assert_eq!(world.names().await, ["a"]);
    world.down();
    world.restart();
    let database = world.folder.path().join("published.db");
    let aside = world.folder.path().join("aside.db");
    std::fs::rename(&database, &aside).unwrap();
    assert!(world.published.keys_at(&world.place, None).await.is_err());
    std::fs::rename(&aside, &database).unwrap();
    assert_eq!(world.names().await, ["a"]);
}

#[tokio::test]
async fn what_is_read_is_kept_when_it_is_new_and_once_an_hour() {
    let world = World::new();
    world.publish(set(&["a"]));
    for (hours, seconds, kept_at) in [(0, 5, 5), (0, 65, 5), (0, 3604, 5), (1, 70, 3670), (1, 140, 3670)] {
        world.at(hours, seconds);
        assert_eq!(world.names().await, ["a"]);
        assert_eq!(world.kept_at().await, kept_at, "after {hours} h and {seconds} s");
    }
    world.publish(set(&["b"]));
    world.at(1, 200);
    assert_eq!(world.names().await, ["b"]);
    assert_eq!(world.kept_at().await, 3800, "at once");
}

#[tokio::test]
async fn another_place_has_nothing_of_it() {
    let mut world = World::new();
    world.publish(set(&["a"]));
    assert_eq!(world.names().await, ["a"]);
    world.down();
    world.restart();
    let url = world.place.name().to_owned();
    for other in [KeyPlace::Set(format!("{url}/2")), KeyPlace::Issuer(url)] {
        assert!(world.published.keys_at(&other, None).await.unwrap().is_empty());
    }
    assert_eq!(world.names().await, ["a"]);
}

#[tokio::test]
async fn a_bomb_is_refused_and_ends_nothing() {
    let world = World::new();
    world.publish(set(&["a"]));
    assert_eq!(world.names().await, ["a"]);
    let twice = format!(r#"{{"keys":[],"keys":[{{"kid":"b",{KEY}}}]}}"#);
    let bombs = [
        "[".repeat(60_000),
        r#"{"keys":"#.repeat(8_000),
        format!(
            r#"{{"keys":[{{"kid":"b",{KEY},"deep":{}1{}}}]}}"#,
            "[".repeat(20_000),
            "]".repeat(20_000)
        ),
        format!("{}{}", set(&["b"]), " ".repeat(70_000)),
        twice,
        String::new(),
        "null".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
    ];
    for (number, bomb) in (1..).zip(bombs) {
        world.publish(bomb);
        world.at(0, 60 + number * 11);
        assert_eq!(world.names().await, ["a"], "{number}");
    }
    let many: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.publish(set(&many));
    world.at(1, 0);
    assert_eq!(
        world.names().await,
        many[..MOST_KEYS],
        "only the first fifty are looked at"
    );
}
