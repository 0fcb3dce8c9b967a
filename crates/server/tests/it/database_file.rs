//! T-14 with SQLite: the file is removed or replaced under a running node, which still has it open: whatever it wrote
//! there would be lost at the next start.

use std::{fs, time::Duration};

use serde_json::json;

use crate::support::{Answer, Demo, people::Person, wait_until};

/// Longer than the lease of the client cache.
const LEASE_IS_OVER: Duration = Duration::from_secs(2);
const RECOVERY: Duration = Duration::from_secs(5);

fn token(demo: &Demo) -> u16 {
    Answer::of(demo.token(demo.upload.body())).status
}

#[test]
fn t14_nothing_is_read_from_or_written_to_a_file_that_nobody_finds_again() {
    let demo = Demo::sqlite();
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    assert_eq!(token(&demo), 200);
    let file = demo.data_dir().join("wmda-auth.db");
    let away = demo.data_dir().join("away.db");
    fs::rename(&file, &away).unwrap();
    std::thread::sleep(LEASE_IS_OVER);
    assert_eq!(token(&demo), 503);
    assert_eq!(demo.get("/readyz").status, 503);
    let expires_at = (chrono::Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let made = manager.post(
        &format!("/applications/{}/secrets", demo.search.id),
        &json!({ "name": "lost", "expires_at": expires_at }),
    );
    assert_eq!(made.status, 503, "{}", made.text);
    assert!(!file.exists(), "no empty database appears by itself");
    let told = || demo.log().contains("was removed");
    assert!(wait_until(RECOVERY, told), "{}", demo.log());
    fs::rename(&away, &file).unwrap();
    assert!(wait_until(RECOVERY, || token(&demo) == 200), "{}", demo.log());
    // An empty database in its place knows no client, and must not be trusted.
    fs::remove_file(&file).unwrap();
    fs::write(&file, "").unwrap();
    std::thread::sleep(LEASE_IS_OVER);
    assert_eq!(token(&demo), 503);
}
