//! `wmda-auth keys` and `wmda-auth pepper`.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use domain::pepper::Pepper;
use keystore::{Algorithm, FIRST_ALGORITHMS, KeyFolder, Successor};

use crate::{
    ConfigArgument, Outcome, clock,
    configuration::{self, Configuration},
};

/// Longer than validators cache the key set and nodes take to see a new file.
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
}

pub fn run(arguments: KeysArguments) -> Outcome<()> {
    let configuration = configuration::load(Some(&arguments.config.config), None)?;
    let folder = KeyFolder(configuration.keys.dir);
    let now = clock::SystemClock::start().now();
    match arguments.command {
        KeysCommand::Generate { algorithms } if algorithms.is_empty() => {
            show(folder.generate_missing(&FIRST_ALGORITHMS, now)?);
        }
        KeysCommand::Generate { algorithms } => show(folder.generate_missing(&algorithms, now)?),
        KeysCommand::List => {
            for (key, state) in folder.load_any()?.states(now) {
                println!(
                    "{}  {}  {state:?}  active from {}",
                    key.kid,
                    key.algorithm,
                    key.activates_at.to_rfc3339()
                );
            }
        }
        KeysCommand::Rotate => {
            for successor in folder.rotate(now, now + PUBLISHED_FOR)? {
                match successor {
                    Successor::New(path) => println!("{}", path.display()),
                    Successor::Published(path) => println!("{} is published already", path.display()),
                }
            }
        }
        KeysCommand::Retire { kid } => folder.retire(&kid, now)?,
    }
    Ok(())
}

fn show(made: Vec<PathBuf>) {
    for path in made {
        println!("{}", path.display());
    }
}

pub fn generate_pepper(configuration: &Configuration) -> Outcome<()> {
    let path = &configuration.secrets.pepper_file;
    keystore::write_private(path, Pepper::generate(&*clock::system_random())?.as_bytes())
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
