//! Published keys as they age, and what a publisher may do to who reads them.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

/// RFC 7517 appendix A.1.
const KEY: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;

/// A clock that stands until it is moved, in seconds.
#[derive(Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::from_std(self.monotonic()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// Publishes what it is told, on loopback; nothing at all when it is down.
struct World {
    published: Published,
    clock: Arc<Hand>,
    body: Arc<Mutex<Option<String>>>,
    place: Place,
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
        let clock = Arc::new(Hand::default());
        Self {
            published: Published::new(Fetcher::new(true).unwrap(), Vec::new(), Arc::clone(&clock) as _),
            clock,
            body,
            place: Place::Set(url),
        }
    }

    fn publish(&self, body: impl Into<String>) {
        *self.body.lock().unwrap() = Some(body.into());
    }

    fn down(&self) {
        *self.body.lock().unwrap() = None;
    }

    fn at(&self, hours: u64, seconds: u64) {
        self.clock.0.store(hours * 3600 + seconds, Ordering::SeqCst);
    }

    async fn names(&self) -> Vec<String> {
        let keys = self.published.keys_at(&self.place, None).await;
        keys.iter().filter_map(|key| key.kid.clone()).collect()
    }

    async fn is_told(&self) -> bool {
        let key = ClientKey::Published(self.place.name().to_owned());
        self.published.are_missing(&Proof::Key(Arc::new(key))).await
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
