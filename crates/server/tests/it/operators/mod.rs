//! Every command of docs/operators.md and docs/runbook.md, and those in blocks of docs/wmda-team.md, pasted into bash
//! at a site of its own: a PostgreSQL with TLS and passwords, and the configuration from the guide.

mod documents;
mod site;

use std::collections::BTreeSet;

use self::{
    documents::{code, document, inline, spans},
    site::{PATIENCE, REFUSED, Site},
};
use crate::support::{binary, succeeded, wait_until};

/// Commands that can't be pasted here: the reason, and what tests them instead.
const NOT_HERE: [(&str, &str); 12] = [
    (
        "adduser --system --group --no-create-home --home /var/lib/wmda-auth wmda-auth",
        "makes a user of the machine; `cargo xtask package` does, in a root, where packaging/debian/postinst has the same line",
    ),
    (
        "systemctl enable --now wmda-auth",
        "needs a systemd that runs; `cargo xtask package` enables it in a root and starts what the unit says",
    ),
    (
        "systemctl edit wmda-auth",
        "opens an editor; `cargo xtask test --only operations` has the unit analysed that it adds to",
    ),
    ("systemctl status wmda-auth", "needs a systemd that runs"),
    (
        "systemctl restart wmda-auth",
        "needs a systemd that runs; what it does is SIGTERM and `wmda-auth serve`, as in `start_and_stop`",
    ),
    (
        "systemctl reload wmda-auth",
        "needs a systemd that runs; what it does is SIGHUP, as in `certificates`",
    ),
    (
        "docker run --detach --name wmda-auth-postgres --publish 127.0.0.1:5432:5432 --env POSTGRES_USER=wmda_auth --env POSTGRES_PASSWORD=wmda_auth postgres:17",
        "needs Docker; the tests have a PostgreSQL without it",
    ),
    (
        "docker rm --force wmda-auth-postgres",
        "needs Docker, as the line before",
    ),
    (
        "docker compose up --build --wait",
        "needs Docker; `cargo xtask test --only operations` runs two nodes behind the same HAProxy configuration",
    ),
    (
        "WMDA_AUTH__DATABASE__URL=postgres://wmda_auth:wmda_auth@127.0.0.1:5432/wmda_auth cargo run --release -- demo",
        "builds for minutes; `support::Demo::postgres` starts the same demo by the same variable in half of these tests",
    ),
    ("cargo xtask sbom", "fetches and builds a tool for minutes"),
    (
        "cargo deb -p server --variant release",
        "builds a release for minutes; `cargo xtask package` makes the same package of the debug binary, but for the SBOM",
    ),
];

/// A command from a document, its precondition, and its expected output.
struct Step {
    before: fn(&mut Site),
    command: &'static str,
    says: &'static str,
}

fn step(command: &'static str, says: &'static str) -> Step {
    after(|_| {}, command, says)
}

fn after(before: fn(&mut Site), command: &'static str, says: &'static str) -> Step {
    Step {
        before,
        command,
        says,
    }
}

/// In the order of an operator's work: first start, first member, keys, pepper, backup, restore.
fn walk() -> Vec<Step> {
    [first_start(), first_member(), keys(), bad_days()]
        .into_iter()
        .flatten()
        .collect()
}

fn first_start() -> Vec<Step> {
    vec![
        step("wmda-auth --help", "Usage: wmda-auth"),
        after(
            |site| site.know("<command>", "keys revoke"),
            "wmda-auth <command> --help",
            "--now",
        ),
        step("CREATE ROLE wmda_auth LOGIN PASSWORD 'change-me'", ""),
        step("CREATE DATABASE wmda_auth OWNER wmda_auth", ""),
        step("install -d -o root -g wmda-auth -m 0750 /etc/wmda-auth", ""),
        step(
            "install -d -o wmda-auth -g wmda-auth -m 0700 /var/lib/wmda-auth",
            "",
        ),
        after(Site::configure, "wmda-auth pepper", "/var/lib/wmda-auth/pepper"),
        step("wmda-auth keys generate", "es256_"),
        step("wmda-auth migrate", ""),
        step("wmda-auth check", "pepper, database and mail are in order"),
        step("wmda-auth serve", "listening on"),
        after(
            |site| site.know("HOST:443", &format!("127.0.0.1:{}", site.port)),
            "openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -dates -subject",
            "notAfter",
        ),
        step("wmda-auth notify --send-test you@example.org", "you@example.org"),
        step("wmda-auth notify --resend-failed", "0 failed mails"),
        step("GRANT pg_monitor TO wmda_auth", ""),
    ]
}

fn first_member() -> Vec<Step> {
    vec![
        step(
            "wmda-auth admin create-user --email you@wmda.info --display-name 'Your Name' --role admin",
            "https://auth.example.org/",
        ),
        step(
            "wmda-auth admin create-resource --id f6d78a69-c840-46a2-941b-a0e08f9296e7 --name 'Search & Match' --environment sandbox --role Search.Read",
            "Search & Match",
        ),
        after(
            |site| site.learn("<resource id>", "id"),
            "wmda-auth admin create-organisation --name 'Example Registry' --country-code NL",
            "Example Registry",
        ),
        after(
            |site| site.learn("<organisation id>", "id"),
            "wmda-auth admin create-application --name Partner-NL-ExampleRegistry-SMC --organisation <organisation id>",
            "Partner-NL-ExampleRegistry-SMC",
        ),
        after(
            |site| site.learn("<client_id>", "client_id"),
            "wmda-auth admin grant <client_id> <resource id> --role Search.Read",
            "",
        ),
        step(
            "wmda-auth admin create-user --email manager@example.org --display-name 'A Manager' --organisation <organisation id> --role credential_manager",
            "https://auth.example.org/",
        ),
        after(
            |site| site.learn("<user id>", "id"),
            "wmda-auth admin assign-manager <client_id> <user id> --confirmed-by 'Who confirmed it'",
            "",
        ),
        step("wmda-auth admin enrol <user id>", "https://auth.example.org/"),
        step("wmda-auth admin list organisations", "Example Registry"),
        after(
            Site::refuse,
            "wmda-auth admin explain 4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
            "unknown_client",
        ),
        after(
            |site| site.know("ID", REFUSED),
            "wmda-auth admin explain ID",
            "unknown_client",
        ),
    ]
}

fn keys() -> Vec<Step> {
    vec![
        step("wmda-auth keys generate --algorithm EdDSA", "eddsa_"),
        step("wmda-auth keys list", "EdDSA  Active"),
        step("wmda-auth keys rotate", "es256_"),
        after(Site::wait_for_the_successor, "wmda-auth keys retire KID", ""),
        after(
            |site| site.know_key("Active"),
            "wmda-auth keys revoke KID --now",
            "",
        ),
        after(Site::set_passphrase, "wmda-auth keys encrypt", "es256_"),
        after(
            Site::name_a_key,
            "openssl pkey -in FILE -passin file:PASSPHRASE -noout",
            "",
        ),
        after(
            Site::change_passphrase,
            "wmda-auth keys encrypt --old-passphrase-file FILE",
            "es256_",
        ),
    ]
}

fn bad_days() -> Vec<Step> {
    vec![
        step("wmda-auth pepper add", "has version 2"),
        step("wmda-auth pepper activate", "version 2"),
        step("wmda-auth pepper migrate", "sealed under version 2"),
        step("wmda-auth pepper list", "version 1"),
        step(
            "install -d -o wmda-auth -g wmda-auth -m 0700 /var/backups/wmda-auth",
            "",
        ),
        step(
            "wmda-auth backup /var/backups/wmda-auth/",
            "1 applications, 0 credentials, 2 people",
        ),
        after(Site::name_the_backup, "wmda-auth backup verify FILE", "whole"),
        step("wmda-auth admin verify-audit", "whole"),
        after(
            |site| {
                site.sql("UPDATE audit_head SET sealed_sequence = NULL, seal_key_version = NULL, seal = NULL")
            },
            "wmda-auth admin seal-audit",
            "done",
        ),
        after(Site::lose_the_database, "wmda-auth restore FILE", "restored"),
    ]
}

#[test]
fn every_command_of_the_operators_guide_is_pasted() {
    let mut site = Site::new();
    for step in walk() {
        (step.before)(&mut site);
        let said = site.paste(step.command);
        assert!(said.contains(step.says), "{} said {said}", step.command);
        site.said = said;
    }
    // As the guide says after a restore: check, then start a node.
    site.paste("wmda-auth check");
    site.paste("wmda-auth serve");
    assert!(
        wait_until(PATIENCE, || site.readiness() == "200"),
        "{}",
        site.log()
    );
    assert!(site.log().contains("is older than the journal"), "{}", site.log());
    assert!(site.paste("wmda-auth admin verify-audit").contains("whole"));
    // And from another folder than the configuration's.
    for command in ["keys list", "pepper list", "check"] {
        site.paste(&format!(
            "cd / && wmda-auth {command} --config /etc/wmda-auth/wmda-auth.toml"
        ));
    }
}

#[test]
fn what_the_operators_guide_has_to_paste_is_pasted_or_said_to_be_tried_otherwise() {
    let [guide, runbook, team] = ["operators.md", "runbook.md", "wmda-team.md"].map(document);
    let blocks = |text: &str| -> Vec<String> { code(text).0 };
    let all = [
        blocks(&guide),
        inline(&guide),
        blocks(&runbook),
        inline(&runbook),
        blocks(&team),
    ];
    let documented: BTreeSet<String> = all.concat().into_iter().collect();
    let pasted = walk().into_iter().map(|step| step.command);
    let tried: BTreeSet<String> = pasted
        .chain(NOT_HERE.map(|(command, _)| command))
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = documented.difference(&tried).collect();
    assert!(missing.is_empty(), "neither pasted nor listed: {missing:#?}");
    let gone: Vec<_> = tried.difference(&documented).collect();
    assert!(gone.is_empty(), "in no document any more: {gone:#?}");
}

#[test]
fn the_operators_guide_names_every_command_and_writes_each_in_full() {
    let help = succeeded(binary().arg("--help"));
    let names: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 10, "{help}");
    let guide = document("operators.md");
    let (table, rest) = guide.split_once("\n## ").unwrap();
    for name in &names {
        let is_named =
            |line: &str| spans(line.split(" | ").next().unwrap()).any(|span| span.starts_with(name));
        assert!(table.lines().any(is_named), "{name} is in no row of the table");
    }
    let short: Vec<&str> = spans(rest)
        .filter(|span| !span.contains(" = "))
        .filter(|span| {
            span.split_once(' ')
                .is_some_and(|(first, _)| names.contains(&first))
        })
        .collect();
    assert!(short.is_empty(), "not as it is pasted: {short:?}");
}
