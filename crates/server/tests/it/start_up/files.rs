//! Key files, the pepper file and the TLS files.

use std::{fs, os::unix::fs::PermissionsExt};

use super::folder::{Folder, SENTINEL, SHORT_PEPPER, case, check, overwrite};
use crate::support::{postgres_database, succeeded};

#[test]
fn y02_a_broken_key_file_is_refused() {
    check(vec![
        case(
            "contents",
            |folder| overwrite(&folder.key(), SENTINEL),
            "restore it",
        ),
        case(
            "the frame of a key only",
            |folder| {
                let text = format!("-----BEGIN PRIVATE KEY-----\n{SENTINEL}\n-----END PRIVATE KEY-----\n");
                overwrite(&folder.key(), &text)
            },
            "wmda-auth keys rotate",
        ),
        case("empty", |folder| overwrite(&folder.key(), ""), "restore it"),
        case(
            "the other algorithm's key",
            |folder| {
                let mut files: Vec<_> = fs::read_dir(folder.path("keys")).unwrap().flatten().collect();
                files.sort_by_key(fs::DirEntry::path);
                let text = fs::read_to_string(files[0].path()).unwrap();
                overwrite(&files[1].path(), &text)
            },
            "restore it",
        ),
        case(
            "readable by everybody",
            |folder| {
                fs::set_permissions(folder.key(), fs::Permissions::from_mode(0o644)).unwrap();
                folder.key().display().to_string()
            },
            "chmod 600",
        ),
        case(
            "no key",
            |folder| {
                fs::remove_file(folder.key()).unwrap();
                folder.path("keys").display().to_string()
            },
            "wmda-auth keys generate",
        ),
        case(
            "no folder",
            |folder| {
                fs::remove_dir_all(folder.path("keys")).unwrap();
                folder.path("keys").display().to_string()
            },
            "check that the path exists",
        ),
    ]);
}

#[test]
fn y02_a_broken_pepper_file_is_refused() {
    check(vec![
        case(
            "missing",
            |folder| {
                fs::remove_file(folder.path("pepper")).unwrap();
                folder.path("pepper").display().to_string()
            },
            "wmda-auth pepper",
        ),
        case(
            "short",
            |folder| overwrite(&folder.path("pepper"), SHORT_PEPPER),
            "restore the pepper file",
        ),
        case(
            "malformed",
            |folder| overwrite(&folder.path("pepper"), SENTINEL),
            "restore the pepper file",
        ),
        case(
            "empty",
            |folder| overwrite(&folder.path("pepper"), "\n"),
            "restore the pepper file",
        ),
        case(
            "a folder",
            |folder| {
                fs::remove_file(folder.path("pepper")).unwrap();
                fs::create_dir(folder.path("pepper")).unwrap();
                folder.path("pepper").display().to_string()
            },
            "restore the pepper file",
        ),
    ]);
}

#[test]
fn y02_a_pepper_of_another_database_is_refused_on_both_databases() {
    let postgres = postgres_database();
    for url in [None, Some(postgres)] {
        let mut folder = Folder::prepare();
        if let Some(url) = url {
            folder.set("database", &format!("url = \"{url}\""));
        }
        succeeded(&mut folder.command("migrate"));
        succeeded(
            folder
                .command("check")
                .env("WMDA_AUTH__SERVER__BIND", "127.0.0.1:0"),
        );
        fs::remove_file(folder.path("pepper")).unwrap();
        succeeded(&mut folder.command("pepper"));
        let other = fs::read_to_string(folder.path("pepper")).unwrap();
        let key = other.trim_end().split(' ').nth(1).unwrap();
        for command in ["serve", "check"] {
            let text = folder.refusal(command, "wrong pepper");
            let path = folder.path("pepper").display().to_string();
            for expected in [path.as_str(), "version 1", "restore the file", "database.url"] {
                assert!(text.contains(expected), "{command}: {text}");
            }
            assert!(!text.contains(key), "{command}: {text}");
        }
    }
}

#[test]
fn broken_tls_files_are_refused() {
    let with = |certificate: &str, key: &str| {
        let mut folder = Folder::prepare();
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            fs::write(folder.path(name), text).unwrap();
        }
        let dir = folder.dir.path().display().to_string();
        folder.set("server", &format!("tls_cert = \"{dir}/cert.pem\""));
        folder.set("server", &format!("tls_key = \"{dir}/key.pem\""));
        folder
    };
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let cases = [
        (SENTINEL, key.as_str(), "cert.pem"),
        ("", key.as_str(), "cert.pem"),
        (certificate.as_str(), SENTINEL, "key.pem"),
        (certificate.as_str(), other.as_str(), "cert.pem"),
    ];
    for (certificate, key, named) in cases {
        let folder = with(certificate, key);
        for command in ["serve", "check"] {
            let text = folder.refusal(command, named);
            let path = folder.path(named).display().to_string();
            assert!(text.contains(&path) && text.contains("server.tls_"), "{text}");
            for hidden in [SENTINEL, key] {
                assert!(hidden.is_empty() || !text.contains(hidden), "{text}");
            }
        }
    }
    let text = with(&certificate, &key).refusal("serve", "a pair that is right");
    assert!(text.contains("server.bind"), "{text}");
}
