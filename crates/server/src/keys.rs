//! `wmda-auth keys`.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use keystore::{Algorithm, FIRST_ALGORITHMS, KeyFolder, Successor};

use crate::{
    ConfigArgument, Outcome, clock,
    configuration::{Configuration, reading},
    keyring, revocation,
};

/// How long a new key is published before it signs: longer than validators cache the JWKS and nodes take to load a
/// file.
const PUBLISHED_FOR: TimeDelta = TimeDelta::seconds(900);

#[derive(Args)]
pub struct KeysArguments {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make the first ES256 and RS256 key, or the first key of another algorithm.
    Generate {
        /// An algorithm that resources shall be signed with, such as EdDSA; may be repeated.
        #[arg(long = "algorithm")]
        algorithms: Vec<Algorithm>,
    },
    /// Show each key with its state.
    List,
    /// Publish a successor of each algorithm's key now; they become active in 15 minutes, when every validator knows them.
    Rotate,
    /// Remove a key at once.
    Retire {
        /// The key's id, as `keys list` shows it; it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Encrypt the keys with the passphrase in keys.passphrase_file, which every node has to have by then.
    Encrypt {
        /// A file with the passphrase that they are encrypted with now, to change it.
        #[arg(long)]
        old_passphrase_file: Option<PathBuf>,
    },
    /// End a key that leaked, on every node within ten seconds; one that signs gets a successor first.
    Revoke {
        /// The key's id, as `keys list` shows it; it may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// There is no other way: tokens that the key signed are refused from now on.
        #[arg(long)]
        now: bool,
        /// Who does it, for the audit trail.
        #[arg(long, env = "USER", default_value = "unknown")]
        operator: String,
    },
}

pub fn run(arguments: KeysArguments) -> Outcome<()> {
    let configuration = reading::load(Some(&arguments.config.config), None)?;
    let folder = keyring::folder(&configuration)?;
    let now = clock::SystemClock::start().now();
    match arguments.command {
        KeysCommand::Generate { algorithms } if algorithms.is_empty() => {
            show(folder.generate_missing(&FIRST_ALGORITHMS, now)?);
        }
        KeysCommand::Generate { algorithms } => show(folder.generate_missing(&algorithms, now)?),
        KeysCommand::List => list(&folder, now)?,
        KeysCommand::Rotate => {
            for successor in folder.rotate(now, now + PUBLISHED_FOR)? {
                match successor {
                    Successor::New(path) => println!("{}", path.display()),
                    Successor::Published(path) => println!("{} is published already", path.display()),
                }
            }
        }
        KeysCommand::Encrypt { old_passphrase_file } => encrypt(&configuration, old_passphrase_file)?,
        KeysCommand::Retire { kid } => folder.retire(&kid, now)?,
        KeysCommand::Revoke { now: false, .. } => {
            return Err("a key is revoked at once: say so with --now; to replace a key without hurry, run `wmda-auth keys rotate`".into());
        }
        KeysCommand::Revoke { kid, operator, .. } => {
            revocation::run(&configuration, &folder, (&kid, &operator), now)?;
        }
    }
    Ok(())
}

fn list(folder: &KeyFolder, now: DateTime<Utc>) -> Outcome<()> {
    let set = folder.load_any()?;
    for (key, state) in set.states(now) {
        println!(
            "{}  {}  {state:?}  active from {}",
            key.kid,
            key.algorithm,
            key.activates_at.to_rfc3339()
        );
    }
    for problem in set.problems() {
        eprintln!("wmda-auth: {problem}");
    }
    Ok(())
}

fn encrypt(configuration: &Configuration, old: Option<PathBuf>) -> Outcome<()> {
    if configuration.keys.passphrase_file.is_none() {
        return Err("keys.passphrase_file is not set: name a file with the passphrase there, restart every node, and try again".into());
    }
    let old = old.map(|path| keyring::passphrase("--old-passphrase-file", &path));
    show(keyring::folder(configuration)?.encrypt(old.transpose()?)?);
    Ok(())
}

fn show(made: Vec<PathBuf>) {
    for path in made {
        println!("{}", path.display());
    }
}
