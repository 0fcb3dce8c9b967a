//! The life cycle of signing keys, from the command line and in a running server: published → active → retiring →
//! removed, without a restart.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::decode_header;
use tempfile::TempDir;

use crate::support::{Answer, Demo, binary, finished, succeeded, wait_until};

const TIME: &str = "%Y%m%dT%H%M%SZ";
/// A running server checks its folder every two seconds.
const RELOAD: Duration = Duration::from_secs(20);

/// `wmda-auth keys …` on a folder.
fn keys(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = binary();
    let parent = dir.parent().unwrap();
    command.arg("keys").args(arguments).current_dir(parent);
    command.env("WMDA_AUTH__KEYS__DIR", dir);
    command
}

/// The output of `keys list`: kid, algorithm, state.
fn list(dir: &Path) -> Vec<[String; 3]> {
    let text = succeeded(&mut keys(dir, &["list"]));
    let row = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        [(); 3].map(|()| words.next().unwrap())
    };
    text.lines().map(row).collect()
}

/// The kids of an algorithm in a state.
fn kids(dir: &Path, algorithm: &str, state: &str) -> Vec<String> {
    let rows = list(dir).into_iter();
    rows.filter(|[_, known, in_state]| known == algorithm && in_state == state)
        .map(|[kid, ..]| kid)
        .collect()
}

fn states(dir: &Path, algorithm: &str) -> Vec<String> {
    let rows = list(dir).into_iter();
    rows.filter(|[_, known, _]| known == algorithm)
        .map(|[_, _, state]| state)
        .collect()
}

fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Renames a key file, and so changes its activation time.
fn move_activation(file: &Path, to: DateTime<Utc>) -> PathBuf {
    let name = file.file_name().unwrap().to_str().unwrap();
    let algorithm = name.split_once('_').unwrap().0;
    let moved = file.with_file_name(format!("{algorithm}_{}.pem", to.format(TIME)));
    fs::rename(file, &moved).unwrap();
    moved
}

/// Rotates; returns the new ES256 file.
fn rotate(dir: &Path) -> PathBuf {
    let made = succeeded(&mut keys(dir, &["rotate"]));
    let made: Vec<_> = made.lines().map(PathBuf::from).collect();
    assert_eq!(made.len(), 2, "one for each algorithm");
    made.into_iter()
        .find(|path| path.display().to_string().contains("es256_"))
        .unwrap()
}

fn es256_file(dir: &Path) -> PathBuf {
    let mut files = files(dir).into_iter();
    files
        .find(|path| path.display().to_string().contains("es256_"))
        .unwrap()
}

#[test]
fn generated_keys_are_private_and_active_and_generated_once() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("keys");
    let made = succeeded(&mut keys(&dir, &["generate"]));
    assert_eq!(
        files(&dir),
        made.lines().map(PathBuf::from).collect(),
        "nothing is left behind beside them"
    );
    for file in files(&dir) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    }
    for algorithm in ["ES256", "RS256"] {
        assert_eq!(states(&dir, algorithm), ["Active"]);
    }
    assert_eq!(succeeded(&mut keys(&dir, &["generate"])), "");
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn a_rotated_key_is_published_first_and_private() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("keys");
    succeeded(&mut keys(&dir, &["generate"]));
    let before = kids(&dir, "ES256", "Active");
    rotate(&dir);
    for algorithm in ["ES256", "RS256"] {
        assert_eq!(states(&dir, algorithm), ["Active", "Published"]);
    }
    assert_eq!(kids(&dir, "ES256", "Active"), before, "the old one signs on");
    for file in files(&dir) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn a_replaced_key_retires_and_is_removed_after_the_longest_token_life() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("keys");
    succeeded(&mut keys(&dir, &["generate"]));
    let now = Utc::now();
    let old = move_activation(&es256_file(&dir), now - TimeDelta::days(3));
    let first = kids(&dir, "ES256", "Active");
    let new = rotate(&dir);
    let second = kids(&dir, "ES256", "Published");
    let new = move_activation(&new, now - TimeDelta::hours(1));
    assert_eq!(kids(&dir, "ES256", "Active"), second);
    assert_eq!(kids(&dir, "ES256", "Retiring"), first);
    let new = move_activation(&new, now - TimeDelta::hours(23));
    assert_eq!(kids(&dir, "ES256", "Retiring"), first);
    move_activation(&new, now - TimeDelta::hours(25));
    assert_eq!(kids(&dir, "ES256", "Removed"), first);
    succeeded(&mut keys(&dir, &["retire", &first[0]]));
    assert_eq!(states(&dir, "ES256"), ["Active"]);
    assert!(!old.exists());
}

#[test]
fn what_may_not_be_retired_stays_and_the_way_out_is_told() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("keys");
    succeeded(&mut keys(&dir, &["generate"]));
    let active = kids(&dir, "ES256", "Active");
    let before = files(&dir);
    for (kid, advice) in [
        (active[0].as_str(), "wmda-auth keys rotate"),
        ("nobody", "wmda-auth keys list"),
        ("-q", "wmda-auth keys list"),
    ] {
        let output = finished(&mut keys(&dir, &["retire", kid]));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{kid} was retired");
        assert!(text.contains(advice), "{text}");
    }
    assert_eq!(files(&dir), before);
}

#[test]
fn an_algorithm_without_a_key_is_asked_for_only_when_the_key_is_there() {
    let mut demo = Demo::sqlite();
    let data = demo.data_dir();
    let dir = data.join("keys");
    demo.terminate();
    let change = |algorithm: &str| {
        let mut command = binary();
        command.args(["admin", "--data-dir"]).arg(&data);
        command.args([
            "change-resource",
            &demo.search.resources[0],
            "--signing-algorithm",
            algorithm,
        ]);
        command
    };
    let refused = finished(&mut change("EdDSA"));
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && text.contains("keys generate --algorithm EdDSA"),
        "{text}"
    );
    succeeded(&mut keys(&dir, &["generate", "--algorithm", "EdDSA"]));
    assert_eq!(states(&dir, "EdDSA"), ["Active"]);
    succeeded(&mut change("EdDSA"));
    assert_eq!(succeeded(&mut keys(&dir, &["rotate"])).lines().count(), 3);
    let unknown = finished(&mut keys(&dir, &["generate", "--algorithm", "HS256"]));
    let text = String::from_utf8_lossy(&unknown.stderr);
    assert!(text.contains("ES256, RS256, PS256, EdDSA"), "{text}");
}

/// The `kid`s that a running server publishes.
fn published(demo: &Demo) -> BTreeSet<String> {
    let set = demo.get("/oauth2/jwks").json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The `kid` of its active ES256 key.
fn signing(demo: &Demo) -> String {
    let body = format!("{}&resource={}", demo.search.body(), demo.search.resources[0]);
    let answer = Answer::of(demo.token(body));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    decode_header(&token).unwrap().kid.unwrap()
}

#[test]
fn a_running_server_publishes_a_new_key_then_signs_with_it_then_forgets_the_old_one() {
    let demo = Demo::sqlite();
    let dir = demo.data_dir().join("keys");
    let old = signing(&demo);
    let tag = demo.get("/oauth2/jwks").header("etag").to_owned();
    let file = rotate(&dir);
    let [new] = &kids(&dir, "ES256", "Published")[..] else {
        panic!("one key is published");
    };
    assert!(
        wait_until(RELOAD, || published(&demo).contains(new)),
        "{}",
        demo.log()
    );
    assert!(published(&demo).contains(&old));
    assert_ne!(demo.get("/oauth2/jwks").header("etag"), tag);
    assert_eq!(signing(&demo), old, "a key that is published does not sign yet");
    // Instead of waiting a quarter of an hour: the file's name holds the activation time.
    move_activation(&file, Utc::now() + TimeDelta::seconds(3));
    assert!(wait_until(RELOAD, || signing(&demo) == *new), "{}", demo.log());
    assert!(
        published(&demo).contains(&old),
        "tokens that the old key signed can still be validated"
    );
    succeeded(&mut keys(&dir, &["retire", &old]));
    assert!(
        wait_until(RELOAD, || !published(&demo).contains(&old)),
        "{}",
        demo.log()
    );
    assert_eq!(signing(&demo), *new);
}

#[test]
fn y02_a_broken_file_never_replaces_the_keys_of_a_running_server() {
    let demo = Demo::sqlite();
    let dir = demo.data_dir().join("keys");
    let (old, known) = (signing(&demo), published(&demo));
    let broken = dir.join("es256_20260101T000000Z.pem");
    fs::write(&broken, "sentinel7Hk2Qw").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o600)).unwrap();
    let told = || demo.log().contains("es256_20260101T000000Z.pem");
    assert!(wait_until(RELOAD, told), "{}", demo.log());
    assert!(demo.log().contains("a key file is passed over"));
    assert!(!demo.log().contains("sentinel7Hk2Qw"));
    assert_eq!((signing(&demo), published(&demo)), (old, known));
    fs::remove_file(&broken).unwrap();
    rotate(&dir);
    let reloaded = || published(&demo).len() == 4;
    assert!(wait_until(RELOAD, reloaded), "{}", demo.log());
}
