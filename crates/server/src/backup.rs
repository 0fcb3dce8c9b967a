//! `wmda-auth backup`, `restore` and `backup verify`.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use domain::pepper::Pepper;
use store::{
    DatabaseUrl, Store,
    backup::{BackupError, Summary, read_backup},
};

use crate::{
    Outcome, admin, clock,
    configuration::{Configuration, reading},
    database, preparation,
    runtime::block_on,
};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BackupArguments {
    /// The configuration file.
    #[arg(long, default_value = "wmda-auth.toml", global = true)]
    config: PathBuf,
    /// The file that is made, or a folder in which it gets a name by the time; an existing file is never replaced.
    #[arg(required = true)]
    to: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

#[derive(Subcommand)]
enum BackupCommand {
    /// Prove a backup: its MAC and counts, and that a scratch database filled from it has this schema and a whole audit trail.
    Verify {
        /// The backup.
        file: PathBuf,
    },
}

#[derive(Args)]
pub struct RestoreArguments {
    /// The configuration file, whose database must be empty.
    #[arg(long, default_value = "wmda-auth.toml")]
    config: PathBuf,
    /// The backup.
    file: PathBuf,
}

pub fn run(arguments: BackupArguments) -> Outcome<()> {
    let configuration = reading::load(Some(&arguments.config), None)?;
    match (arguments.command, arguments.to) {
        (Some(BackupCommand::Verify { file }), _) => verify(&configuration, &file),
        (None, Some(to)) => backup(&configuration, &to),
        (None, None) => Err("name the file that is to be made".into()),
    }
}

fn backup(configuration: &Configuration, to: &Path) -> Outcome<()> {
    let now = clock::SystemClock::start().now();
    let file = match to.is_dir() {
        true => to.join(format!("wmda-auth-{}.jsonl", now.format("%Y%m%dT%H%M%SZ"))),
        false => to.to_owned(),
    };
    let pepper = preparation::load_pepper(configuration)?;
    let store = database::open(configuration)?;
    store.verify_schema()?;
    preparation::verify_pepper(&store, &pepper, configuration)?;
    let unfinished = file.with_extension("unfinished");
    let outcome = write(&store, &pepper, &unfinished).and_then(|summary| {
        // A hard link fails if the name is taken.
        fs::hard_link(&unfinished, &file)?;
        Ok(summary)
    });
    // It may not exist.
    let _ = fs::remove_file(&unfinished);
    let summary = outcome.map_err(|error| format!("{}: {error}", file.display()))?;
    println!("{}: {}", file.display(), told(&summary));
    Ok(())
}

fn write(store: &Store, pepper: &Pepper, path: &Path) -> Result<Summary, BackupError> {
    use std::os::unix::fs::OpenOptionsExt;
    // Left behind by an earlier attempt.
    let _ = fs::remove_file(path);
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut out = BufWriter::new(file);
    let summary = store.backup(pepper, clock::SystemClock::start().now(), &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(summary)
}

fn told(summary: &Summary) -> String {
    let count = |table: &str| summary.counts.get(table).copied().unwrap_or(0);
    format!(
        "{} rows of {} tables, of {} (schema {}): {} applications, {} credentials, {} people, {} audit events",
        summary.counts.values().sum::<u64>(),
        summary.counts.len(),
        summary.header.made_at.to_rfc3339(),
        summary.header.schema,
        count("applications"),
        count("client_secrets"),
        count("users"),
        count("audit_events"),
    )
}

fn open(file: &Path) -> Result<BufReader<File>, BackupError> {
    Ok(BufReader::new(File::open(file)?))
}

/// Reads the file twice: nothing is restored before the whole file is verified.
fn fill(store: &Store, pepper: &Pepper, file: &Path) -> Outcome<Summary> {
    let named = |error: BackupError| format!("{}: {error}", file.display());
    let summary = open(file)
        .and_then(|lines| read_backup(pepper, lines))
        .map_err(named)?;
    store.migrate()?;
    open(file)
        .and_then(|lines| store.restore(&summary, lines))
        .map_err(named)?;
    Ok(summary)
}

pub fn restore(arguments: &RestoreArguments) -> Outcome<()> {
    let configuration = reading::load(Some(&arguments.config), None)?;
    let pepper = preparation::load_pepper(&configuration)?;
    let clock = clock::SystemClock::start();
    let store = database::create(&configuration, &*clock)?;
    let summary = fill(&store, &pepper, &arguments.file)?;
    preparation::verify_pepper(&store, &pepper, &configuration)?;
    println!("restored {}", told(&summary));
    match configuration.journal.url {
        Some(_) => println!(
            "What the journal knows beyond it is done again when the first node starts; start all nodes anew."
        ),
        None => println!(
            "There is no journal (journal.url): what was deleted after this backup lives again, and status indexes that were given out \
             since are given out twice. Delete again what was deleted, and start all nodes anew."
        ),
    }
    Ok(())
}

fn verify(configuration: &Configuration, file: &Path) -> Outcome<()> {
    let pepper = preparation::load_pepper(configuration)?;
    let scratch = tempfile::Builder::new().prefix("wmda-auth-verify-").tempdir()?;
    let url = format!("sqlite:{}", scratch.path().join("scratch.db").display());
    let store = Store::create(&DatabaseUrl::parse(&url)?, 1)?;
    let summary = fill(&store, &pepper, file)?;
    store.verify_schema()?;
    preparation::verify_pepper(&store, &pepper, configuration)?;
    let mut nowhere = std::io::sink();
    let again = store.backup(&pepper, clock::SystemClock::start().now(), &mut nowhere)?;
    if again.counts != summary.counts {
        return Err(format!(
            "{}: the restored tables have other counts than the backup",
            file.display()
        )
        .into());
    }
    let verdict = block_on(store.verify_audit(&pepper))?;
    let (events, _) = admin::audit::whole(verdict).map_err(|error| format!("{}: {error}", file.display()))?;
    println!(
        "{}: whole. {}; the chain of {events} audit events holds",
        file.display(),
        told(&summary)
    );
    Ok(())
}
