//! The binary `wmda-auth`: command line in, exit code out.

mod admin;
mod anchor;
mod background;
mod backup;
mod clock;
mod configuration;
mod connections;
mod database;
mod demo;
mod exposure;
mod identity;
mod import;
mod journal;
mod keyring;
mod keys;
mod listening;
mod log_writer;
mod logging;
mod mail;
mod methods;
mod metrics;
mod notify;
mod outage;
mod patience;
mod pepper;
mod pepper_watch;
mod preparation;
mod prepared;
mod reminders;
mod retention;
mod revocation;
mod runtime;
mod secret_files;
mod serve;
mod signing;
mod stopping;
mod tls;
mod trimmed;
mod validation;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use configuration::reading;

/// Requests make many small allocations, for which this allocator is faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Start-up errors are sentences for the operator.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The text of `--version`.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("WMDA_AUTH_COMMIT"),
    ")"
);

/// OAuth 2.0 authorization server for machine-to-machine access (client credentials).
#[derive(Parser)]
#[command(name = "wmda-auth", version = VERSION)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on 127.0.0.1 with sample data and print a curl command that works.
    Demo(demo::DemoArguments),
    /// Run the server by wmda-auth.toml and WMDA_AUTH__SECTION__KEY variables.
    Serve(ConfigArgument),
    /// Apply database migrations and exit.
    Migrate(ConfigArgument),
    /// Validate configuration, keys, pepper, database and mail; exit 0 when all is well.
    Check(ConfigArgument),
    /// The WMDA team's work from a shell: people, organisations, applications, permissions, the audit trail.
    Admin(admin::AdminArguments),
    /// Take organisations, applications with their client ids, permissions and managers from an export of Entra ID.
    Import(import::ImportArguments),
    /// Print the OpenAPI document of the management API.
    Openapi,
    /// Make, list, rotate, encrypt, retire and revoke signing keys.
    Keys(keys::KeysArguments),
    /// Write everything that the database holds into a file, from which `restore` fills another one; `verify` proves such a file.
    Backup(backup::BackupArguments),
    /// Fill an empty database, SQLite or Postgres, from a backup.
    Restore(backup::RestoreArguments),
    /// Send what is due to be told about secrets, now: one pass of what the server does every minute.
    Notify(notify::NotifyArguments),
    /// Make the pepper file (never replaces one); add a version, use it, and see what needs each.
    Pepper(pepper::PepperArguments),
}

#[derive(clap::Args)]
struct ConfigArgument {
    /// The configuration file.
    #[arg(long, default_value = "wmda-auth.toml", global = true)]
    config: std::path::PathBuf,
}

fn main() -> ExitCode {
    let outcome = run(Cli::parse());
    outcome.map_or_else(
        |error| {
            eprintln!("wmda-auth: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run(cli: Cli) -> Outcome<()> {
    match cli.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Serve(argument) => serve::run(&reading::load(Some(&argument.config), None)?),
        Command::Migrate(argument) => preparation::migrate(&reading::load(Some(&argument.config), None)?),
        Command::Check(argument) => {
            let (configuration, problems) = reading::read(Some(&argument.config), None)?;
            preparation::check(&configuration, problems)
        }
        Command::Admin(arguments) => admin::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Openapi => {
            println!("{}", management::openapi().to_pretty_json()?);
            Ok(())
        }
        Command::Keys(arguments) => keys::run(arguments),
        Command::Backup(arguments) => backup::run(arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Notify(arguments) => notify::run(&arguments),
        Command::Pepper(arguments) => pepper::run(arguments),
    }
}
