//! Incidents with signing keys: one leaks, one is written partially, one appears while a node starts; and encryption
//! at rest.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use jsonwebtoken::decode_header;

use crate::{
    node::{Node, files, operator},
    support::{Answer, Demo, finished, succeeded, wait_until},
};

/// The promised time.
const EVERYWHERE: Duration = Duration::from_secs(10);

on_both!(
    a_revoked_key_is_gone_from_every_node_within_ten_seconds,
    a_half_written_file_stops_no_restart_and_check_names_it,
);

/// The `kid`s of an algorithm in a JWKS.
fn published(jwks: &Answer, algorithm: &str) -> Vec<String> {
    let set = jwks.json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.filter(|key| key["alg"] == algorithm)
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The `kid` of a token, and the token.
fn signed(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    (decode_header(&token).unwrap().kid.unwrap(), token)
}

fn asked(demo: &Demo) -> String {
    format!("{}&resource={}", demo.search.body(), demo.search.resources[0])
}

fn is_active(demo: &Demo, token: &str) -> bool {
    let server = demo.resource_server(&demo.search.resources[0]);
    let body = format!(
        "token={token}&client_id={}&client_secret={}",
        server.id, server.secret
    );
    let answer = Answer::of(demo.post("/oauth2/introspect", body));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["active"].as_bool().unwrap()
}

fn a_revoked_key_is_gone_from_every_node_within_ten_seconds(demo: &Demo) {
    let copy = Node::copy_of(&demo.data_dir().join("keys"));
    let apart = copy.path().display().to_string();
    let shares = Node::beside(demo, &[]);
    let has_copy = Node::beside(demo, &[("WMDA_AUTH__KEYS__DIR", &apart)]);
    let (leaked, token) = signed(&Answer::of(demo.token(asked(demo))));
    assert!(is_active(demo, &token));
    let refused = finished(operator(demo, &[]).args(["keys", "revoke", &leaked]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--now"));
    let began = Instant::now();
    let said = succeeded(operator(demo, &[]).args(["keys", "revoke", &leaked, "--now", "--operator", "ann"]));
    for expected in [
        "signs from now on",
        "within 10 seconds",
        "300 seconds",
        "restart",
        "revoke these as well",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let sets = || {
        [
            demo.get("/oauth2/jwks"),
            shares.get("/oauth2/jwks"),
            has_copy.get("/oauth2/jwks"),
        ]
    };
    let gone = || {
        sets()
            .iter()
            .all(|set| !published(set, "ES256").contains(&leaked))
    };
    assert!(wait_until(EVERYWHERE, gone), "{} {}", demo.log(), has_copy.log());
    assert!(began.elapsed() < EVERYWHERE, "{:?}", began.elapsed());
    let kids = [
        signed(&Answer::of(demo.token(asked(demo)))).0,
        signed(&shares.token(asked(demo))).0,
        signed(&has_copy.token(asked(demo))).0,
    ];
    assert!(
        kids.iter().all(|kid| *kid != leaked && *kid == kids[0]),
        "{kids:?} {leaked}"
    );
    assert!(
        sets()
            .iter()
            .all(|set| published(set, "ES256") == [kids[0].clone()])
    );
    assert!(
        !is_active(demo, &token),
        "a token under a key that leaked is believed no more"
    );
    succeeds_after_the_key_comes_back(demo, (&apart, &leaked));
    let trail = succeeded(operator(demo, &[]).args(["admin", "audit-events", "--action", "key.revoke"]));
    assert!(
        trail.contains(&format!("key/{leaked}")) && trail.contains("command line (ann)"),
        "{trail}"
    );
    succeeded(operator(demo, &[]).args(["admin", "verify-audit"]));
}

/// The copy still holds the file: a node that starts with it does not sign with it, and `check` reports it.
fn succeeds_after_the_key_comes_back(demo: &Demo, (folder, leaked): (&str, &str)) {
    assert_eq!(
        files(Path::new(folder), "pem").len(),
        3,
        "the successor came by the database"
    );
    let variables = [("WMDA_AUTH__KEYS__DIR", folder)];
    let again = Node::beside(demo, &variables);
    assert!(!published(&again.get("/oauth2/jwks"), "ES256").contains(&leaked.to_owned()));
    let output = finished(operator(demo, &variables).arg("check"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("was revoked"), "{text}");
    succeeded(operator(demo, &variables).args(["keys", "revoke", leaked, "--now"]));
    succeeded(operator(demo, &variables).arg("check"));
}

fn a_half_written_file_stops_no_restart_and_check_names_it(demo: &Demo) {
    let keys = demo.data_dir().join("keys");
    let half = keys.join("es256_20360101T000000Z.pem");
    let whole = fs::read_to_string(&files(&keys, "pem")[0]).unwrap();
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    fs::set_permissions(&half, fs::Permissions::from_mode(0o600)).unwrap();
    let node = Node::beside(demo, &[]);
    signed(&node.token(asked(demo)));
    let told = || node.log().contains("es256_20360101T000000Z.pem");
    assert!(wait_until(EVERYWHERE, told), "{}", node.log());
    let output = finished(operator(demo, &[]).arg("check"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("es256_20360101T000000Z.pem"),
        "{text}"
    );
    let foreign = keys.join("mine.pem");
    fs::rename(&half, &foreign).unwrap();
    let text = finished(operator(demo, &[]).arg("check")).stderr;
    assert!(String::from_utf8_lossy(&text).contains("mine.pem: name a key file"));
}

#[test]
fn keys_that_arrive_while_a_node_starts_are_loaded() {
    let demo = Demo::sqlite();
    let node = Node::spawn(&demo, &[]);
    succeeded(operator(&demo, &[]).args(["keys", "rotate"]));
    let all = || {
        let answer = crate::support::http()
            .get(format!("{}/oauth2/jwks", node.base))
            .send();
        answer.is_ok_and(|answer| {
            let set: serde_json::Value = answer.json().unwrap();
            set["keys"].as_array().is_some_and(|keys| keys.len() == 4)
        })
    };
    assert!(wait_until(Duration::from_secs(30), all), "{}", node.log());
}

#[test]
fn keys_are_encrypted_at_rest_and_their_passphrase_can_be_changed() {
    let demo = Demo::sqlite();
    let data = demo.data_dir();
    let keys = data.join("keys");
    let file = |name: &str, text: &str| {
        fs::write(data.join(name), text).unwrap();
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        data.join(name).display().to_string()
    };
    let refused = finished(operator(&demo, &[]).args(["keys", "encrypt"]));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("keys.passphrase_file is not set"));
    let (first, second) = (
        file("first", "correct horse\n"),
        file("second", "battery staple\n"),
    );
    let with = |passphrase: &str| [("WMDA_AUTH__KEYS__PASSPHRASE_FILE", passphrase.to_owned())];
    let command = |passphrase: &str, arguments: &[&str]| {
        let variables = with(passphrase);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut command = operator(&demo, &variables);
        command.args(arguments);
        command
    };
    let encrypted = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    };
    assert_eq!(
        succeeded(&mut command(&first, &["keys", "encrypt"]))
            .lines()
            .count(),
        2
    );
    succeeded(&mut command(&first, &["keys", "rotate"]));
    assert_eq!(files(&keys, "pem").len(), 4);
    assert!(files(&keys, "pem").iter().all(|path| encrypted(path)));
    succeeded(&mut command(&first, &["check"]));
    let text = finished(&mut command(&second, &["check"])).stderr;
    assert!(String::from_utf8_lossy(&text).contains("does not open it"));
    succeeded(&mut command(
        &second,
        &["keys", "encrypt", "--old-passphrase-file", &first],
    ));
    let node = Node::beside(&demo, &[("WMDA_AUTH__KEYS__PASSPHRASE_FILE", &second)]);
    let kid = signed(&node.token(asked(&demo))).0;
    assert_eq!(
        signed(&Answer::of(demo.token(asked(&demo)))).0,
        kid,
        "a node that runs keeps the keys that it had read"
    );
}
