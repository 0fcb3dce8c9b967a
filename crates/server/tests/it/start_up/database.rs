//! The database: missing, empty, outdated, or used by a role that may not migrate.

use std::fs;

use super::{folder::Folder, psql};
use crate::support::{Answer, Demo, GRANT, binary, postgres_database, succeeded};

#[test]
fn a_schema_that_lags_behind_is_refused_with_the_remedy() {
    let mut folder = Folder::prepare();
    fs::remove_file(folder.path("wmda-auth.db")).unwrap();
    folder.set("database", "migrate = false");
    for command in ["serve", "check"] {
        let text = folder.refusal(command, "no schema");
        assert!(text.contains("wmda-auth migrate"), "{text}");
    }
}

#[test]
fn an_empty_address_of_the_database_is_not_taken_for_the_default_one() {
    for command in ["serve", "check", "migrate"] {
        let mut folder = Folder::prepare();
        folder
            .environment
            .push(("WMDA_AUTH__DATABASE__URL", " ".to_owned()));
        let text = folder.refusal(command, "an empty variable");
        assert!(text.contains("database.url is empty"), "{text}");
    }
}

#[test]
fn a_database_that_is_not_there_or_empty_is_made_by_migrate_alone() {
    let mut folder = Folder::prepare();
    fs::remove_file(folder.path("wmda-auth.db")).unwrap();
    for command in ["serve", "check"] {
        let text = folder.refusal(command, "no file");
        let path = folder.path("wmda-auth.db").display().to_string();
        assert!(
            text.contains(&path) && text.contains("wmda-auth migrate"),
            "{text}"
        );
        assert!(!folder.path("wmda-auth.db").exists(), "{command}");
    }
    let url = postgres_database();
    folder.set("database", &format!("url = \"{url}\""));
    let text = folder.refusal("serve", "an empty database");
    assert!(
        text.contains("empty") && text.contains("wmda-auth migrate"),
        "{text}"
    );
    succeeded(&mut folder.command("migrate"));
    folder.passes_check();
}

/// The owner of the tables migrates; the server's own role needs only access to rows.
#[test]
fn without_migrations_a_role_suffices_that_reads_and_writes_rows() {
    let url = postgres_database();
    let mut folder = Folder::prepare();
    folder.set("database", &format!("url = \"{url}\""));
    succeeded(&mut folder.command("migrate"));
    let (server, name) = url.rsplit_once('/').unwrap();
    let role = format!("rows_{name}");
    psql(
        &url,
        &format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}; \
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
        ),
    );
    let address = server.rsplit_once('@').unwrap().1;
    folder.set(
        "database",
        &format!("url = \"postgres://{role}@{address}/{name}\""),
    );
    folder.set("database", "migrate = false");
    folder.passes_check();
    let text = folder.refusal("serve", "taken port");
    psql(&url, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert!(
        text.contains("server.bind"),
        "it comes as far as its port: {text}"
    );
    let told = text.contains(&format!("{role}@{address}/{name}"));
    assert!(told, "the log names the database: {text}");
}

/// SQLite: the last process to close the database removes the WAL. A process must notice that it is not the last.
#[test]
fn a_command_beside_a_running_server_leaves_it_its_log() {
    let demo = Demo::sqlite();
    let wrong = format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id);
    std::thread::scope(|scope| {
        // The pool opens further connections.
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(Answer::of(demo.token(&*wrong)).status, 401));
        }
    });
    let mut list = binary();
    list.args(["admin", "list", "organisations", "--data-dir"]);
    succeeded(list.arg(demo.data_dir()));
    assert!(demo.data_dir().join("wmda-auth.db-wal").exists());
}
