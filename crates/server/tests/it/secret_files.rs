//! Passwords in files of their own, as containers have them: used, and never shown.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{binary, finished};

const PASSWORD: &str = "pass word/%41@:?#";

/// A fake Postgres that asks for a clear-text password and passes it to the test.
fn asking_database() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some(password) = asked(&mut stream) else {
                continue;
            };
            if sender.send(password).is_err() {
                return;
            }
        }
    });
    (port, receiver)
}

/// The protocol's messages: a start-up message, `R` with 3 (clear text), then `p` with the password.
fn asked(stream: &mut TcpStream) -> Option<String> {
    let mut message = |kind: usize| -> Option<Vec<u8>> {
        let mut head = vec![0; kind + 4];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(head[kind..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).ok()?;
        stream
            .write_all(if kind == 0 { b"R\0\0\0\x08\0\0\0\x03" } else { b"" })
            .ok()?;
        Some(body)
    };
    message(0)?;
    let password = String::from_utf8(message(1)?).unwrap();
    Some(password.trim_end_matches('\0').to_owned())
}

fn secret_file(dir: &TempDir, text: &str) -> String {
    let path = dir.path().join("secret");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn the_password_of_the_database_comes_from_its_file() {
    let dir = TempDir::new().unwrap();
    let (port, received) = asking_database();
    let url = format!("postgres://user@127.0.0.1:{port}/db?sslmode=disable");
    let mut migrate = binary();
    migrate.arg("migrate").env("WMDA_AUTH__DATABASE__URL", url).env(
        "WMDA_AUTH__DATABASE__PASSWORD_FILE",
        secret_file(&dir, &format!("{PASSWORD}\n")),
    );
    let output = finished(&mut migrate);
    assert_eq!(received.recv_timeout(Duration::from_secs(5)).unwrap(), PASSWORD);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && !text.contains("pass word"), "{text}");
}

#[test]
fn a_secret_file_that_is_missing_empty_or_one_too_many_is_named() {
    let dir = TempDir::new().unwrap();
    let (empty, full) = (TempDir::new().unwrap(), secret_file(&dir, PASSWORD));
    let empty = secret_file(&empty, "\n");
    let (database, smtp) = ("WMDA_AUTH__DATABASE__URL", "WMDA_AUTH__MAIL__SMTP_URL");
    for (key, variable) in [
        ("database.password_file", "WMDA_AUTH__DATABASE__PASSWORD_FILE"),
        ("mail.smtp_password_file", "WMDA_AUTH__MAIL__SMTP_PASSWORD_FILE"),
    ] {
        for (file, with_password, advice) in [
            ("/nowhere/secret", false, "put the secret into this file"),
            (empty.as_str(), false, "the file is empty"),
            (full.as_str(), true, "keep one of them"),
        ] {
            let user = if with_password { "user:sentinel" } else { "user" };
            let mut check = binary();
            check
                .arg("check")
                .env(database, format!("postgres://{user}@127.0.0.1:1/db"))
                .env(smtp, format!("smtp://{user}@127.0.0.1:1"))
                .env(variable, file);
            let output = finished(&mut check);
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success() && text.contains(key) && text.contains(advice),
                "{text}"
            );
            assert!(
                !text.contains("sentinel") && !text.contains("pass word"),
                "{text}"
            );
        }
    }
}
