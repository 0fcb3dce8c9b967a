//! The certificate of a server that terminates TLS: reloaded without a restart, refused by `check` if clients would
//! reject it, and the reason of a failed handshake.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use crate::support::{Answer, Demo, binary, finished, http, serving::Serving, wait_until};

/// Files are checked every five seconds.
const RELOADED: Duration = Duration::from_secs(15);
const HOST: &str = "auth.example.org";

struct Files {
    dir: TempDir,
}

impl Files {
    fn new(host: &str, years: [i32; 2]) -> Self {
        let files = Self {
            dir: TempDir::new().unwrap(),
        };
        files.write(host, years);
        files
    }

    /// Writes a certificate for this host, valid through these years; returns the PEM.
    fn write(&self, host: &str, [from, until]: [i32; 2]) -> String {
        let mut parameters = CertificateParams::new([host.to_owned()]).unwrap();
        (parameters.not_before, parameters.not_after) =
            (date_time_ymd(from, 1, 1), date_time_ymd(until, 12, 31));
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        fs::write(self.key(), key.serialize_pem()).unwrap();
        fs::write(self.certificate(), &certificate).unwrap();
        certificate
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("tls.key")
    }

    fn variables(&self) -> [(&'static str, String); 3] {
        let text = |path: &Path| path.display().to_string();
        [
            ("WMDA_AUTH__SERVER__TLS_CERT", text(&self.certificate())),
            ("WMDA_AUTH__SERVER__TLS_KEY", text(&self.key())),
            ("WMDA_AUTH__SERVER__PUBLIC_URL", format!("https://{HOST}")),
        ]
    }
}

fn serve(demo: &Demo, files: &Files) -> Serving {
    let variables = files.variables();
    let mut variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    variables.push(("WMDA_AUTH__SERVER__METRICS_BIND", "127.0.0.1:0"));
    Serving::start(demo, &variables)
}

/// The output of `openssl s_client`.
fn connected(node: &Serving, options: &[&str]) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", &node.address().unwrap()]);
    let output = finished(openssl.args(options).stdin(Stdio::null()));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The middle of a PEM's body, independent of line breaks.
fn body(pem: &str) -> String {
    let begun = pem
        .split_once("-----BEGIN CERTIFICATE-----")
        .map_or("", |parts| parts.1);
    let body = begun.split("-----END").next().unwrap_or_default();
    body.split_whitespace().collect()
}

fn presents(node: &Serving, pem: &str) -> bool {
    body(&connected(node, &[])) == body(pem)
}

fn metrics(node: &Serving) -> String {
    let log = node.log();
    let told = log
        .lines()
        .find_map(|line| line.split_once("metrics at "))
        .unwrap();
    Answer::of(http().get(told.1.trim())).text
}

#[test]
fn a_renewed_certificate_is_presented_without_a_restart_and_a_broken_one_is_not() {
    let demo = Demo::sqlite();
    let files = Files::new(HOST, [2020, 2040]);
    let node = serve(&demo, &files);
    let first = fs::read_to_string(files.certificate()).unwrap();
    assert!(presents(&node, &first));
    let expiry = "wmda_auth_tls_certificate_expiry_timestamp_seconds";
    assert!(
        metrics(&node).contains(&format!("{expiry} 2240524800")),
        "{}",
        metrics(&node)
    );
    let second = files.write(HOST, [2020, 2041]);
    assert!(
        wait_until(RELOADED, || presents(&node, &second)),
        "{}",
        node.log()
    );
    assert!(
        metrics(&node).contains(&format!("{expiry} 2272060800")),
        "{}",
        metrics(&node)
    );
    for (host, years, told) in [
        (HOST, [2020, 2021], "expired"),
        ("other.example.org", [2020, 2042], "is not for"),
    ] {
        let broken = files.write(host, years);
        node.signal("HUP");
        assert!(
            wait_until(RELOADED, || node.log().contains(told)),
            "{}",
            node.log()
        );
        assert!(
            !presents(&node, &broken) && presents(&node, &second),
            "{told}: {}",
            node.log()
        );
    }
}

#[test]
fn sighup_looks_at_once_and_ends_nothing() {
    let demo = Demo::sqlite();
    let files = Files::new(HOST, [2020, 2040]);
    let node = serve(&demo, &files);
    let renewed = files.write(HOST, [2020, 2041]);
    node.signal("HUP");
    assert!(
        wait_until(Duration::from_secs(4), || presents(&node, &renewed)),
        "{}",
        node.log()
    );
    let told = || node.log().contains("SIGHUP");
    assert!(wait_until(Duration::from_secs(4), told), "{}", node.log());
}

#[test]
fn check_refuses_a_certificate_that_clients_would_refuse() {
    for (host, years, told) in [
        (HOST, [2020, 2021], "expired on 2021-12-31"),
        (HOST, [2039, 2040], "check the clock"),
        ("other.example.org", [2020, 2040], HOST),
    ] {
        let files = Files::new(host, years);
        let mut check = binary();
        check
            .arg("check")
            .current_dir(files.dir.path())
            .envs(files.variables());
        let text = String::from_utf8_lossy(&finished(&mut check).stderr).into_owned();
        let line = text.lines().find(|line| line.contains("server.tls_cert"));
        assert!(line.is_some_and(|line| line.contains(told)), "{told}: {text}");
    }
    let files = Files::new(HOST, [2020, 2040]);
    let mut check = binary();
    check
        .arg("check")
        .current_dir(files.dir.path())
        .envs(files.variables());
    let text = String::from_utf8_lossy(&finished(&mut check).stderr).into_owned();
    assert!(!text.contains("server.tls_cert"), "{text}");
}

/// RFC 9325 §4.2, to which FAPI 2.0 §5.2.2 restricts the cipher suites.
#[test]
fn of_tls_1_2_only_what_bcp_195_recommends_is_spoken() {
    let demo = Demo::sqlite();
    let node = serve(&demo, &Files::new(HOST, [2020, 2040]));
    let agreed = |offered: &[&str]| connected(&node, offered).contains("BEGIN CERTIFICATE");
    for suite in ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"] {
        assert!(agreed(&["-tls1_2", "-cipher", suite]), "{suite}");
    }
    assert!(agreed(&[
        "-tls1_3",
        "-ciphersuites",
        "TLS_CHACHA20_POLY1305_SHA256"
    ]));
    let others = "ALL:!ECDHE-ECDSA-AES128-GCM-SHA256:!ECDHE-ECDSA-AES256-GCM-SHA384:@SECLEVEL=0";
    assert!(!agreed(&["-tls1_2", "-cipher", others]));
    for old in ["-tls1", "-tls1_1"] {
        assert!(!agreed(&[old, "-cipher", "ALL:@SECLEVEL=0"]), "{old}");
    }
}

#[test]
fn the_log_says_why_a_handshake_failed_and_how_many_did() {
    let demo = Demo::sqlite();
    let node = serve(&demo, &Files::new(HOST, [2020, 2040]));
    // Like an old Windows: TLS 1.2 with CBC.
    connected(&node, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"]);
    let told = |text: &str| wait_until(Duration::from_secs(5), || node.log().contains(text));
    assert!(
        told("NoCipherSuitesInCommon") && told("AES-GCM"),
        "{}",
        node.log()
    );
    std::thread::sleep(Duration::from_millis(1100));
    for _ in 0..5 {
        let mut plain = TcpStream::connect(node.address().unwrap()).unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        // Closed with an alert, or without.
        let _ = plain.read_to_end(&mut Vec::new());
    }
    assert!(told("the client speaks no TLS"), "{}", node.log());
    let lines = node.log().matches("speaks no TLS").count();
    assert!(lines < 5, "one a second: {}", node.log());
    // A probe that connects and disconnects.
    drop(TcpStream::connect(node.address().unwrap()).unwrap());
    // An address is no host name (RFC 6066 section 3); such a client is served, and logs no line.
    let named = connected(&node, &["-servername", "127.0.0.1"]);
    assert!(named.contains("BEGIN CERTIFICATE") && !node.log().contains("rustls::"));
    let counted = |reason: &str| format!("wmda_auth_tls_handshakes_failed_total{{reason=\"{reason}\"}}");
    for (reason, count) in [("incompatible", 1), ("not_tls", 5), ("closed", 1)] {
        let sample = format!("{} {count}", counted(reason));
        let there = wait_until(Duration::from_secs(5), || metrics(&node).contains(&sample));
        assert!(there, "{sample}: {}", metrics(&node));
    }
}
