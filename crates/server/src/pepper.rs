//! `wmda-auth pepper`: creating the pepper file, and rotating the pepper in two phases: every node must know a
//! version before it is activated.

use std::{fs, io::Write, path::Path, sync::Arc, time::Duration};

use chrono::SubsecRound;
use clap::{Args, Subcommand};
use domain::{
    audit::{Entry, Event, Outcome as AuditOutcome},
    audit_action::AuditAction,
    pepper::Pepper,
};
use store::{Store, pepper_use::PepperUse};

use crate::{
    Outcome, clock,
    configuration::{Configuration, reading},
    preparation,
    runtime::block_on,
};

/// Nodes check their files every two seconds; one not heard of for a minute counts as stopped.
const PATIENCE: Duration = Duration::from_secs(75);

#[derive(Args)]
pub struct PepperArguments {
    /// The configuration file.
    #[arg(long, default_value = "wmda-auth.toml", global = true)]
    config: std::path::PathBuf,
    /// Who does it, for the audit trail.
    #[arg(long, global = true, env = "USER", default_value = "unknown")]
    operator: String,
    #[command(subcommand)]
    command: Option<PepperCommand>,
}

#[derive(Subcommand)]
enum PepperCommand {
    /// Write a further version into the file; nodes know it from then on and use it once it is activated.
    Add,
    /// Use a version for what is new, on every node at once; refused while a running node does not know it.
    Activate {
        /// The highest one that the file has, unless it is named.
        version: Option<i32>,
        /// How many seconds running nodes have to learn of it.
        #[arg(long, default_value_t = PATIENCE.as_secs())]
        wait: u64,
    },
    /// Seal what is sealed (authenticators, signing keys of webhooks, links in mails) under the active version.
    Migrate,
    /// Show each version, and how much needs it.
    List,
}

pub fn run(arguments: PepperArguments) -> Outcome<()> {
    let configuration = reading::load(Some(&arguments.config), None)?;
    match arguments.command {
        None => generate(&configuration),
        Some(PepperCommand::Add) => add(&configuration),
        Some(command) => block_on(Operator::open(&configuration, arguments.operator)?.run(command)),
    }
}

fn generate(configuration: &Configuration) -> Outcome<()> {
    let path = &configuration.secrets.pepper_file;
    keystore::write_private(path, Pepper::generate(&*clock::system_random())?.as_bytes())
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn add(configuration: &Configuration) -> Outcome<()> {
    let path = &configuration.secrets.pepper_file;
    let known = preparation::load_pepper(configuration)?.known();
    let version = known.iter().max().map_or(1, |highest| highest + 1);
    let line = Pepper::generate_line(version, &*clock::system_random())?;
    append(path, &line).map_err(|error| format!("{}: {error}", path.display()))?;
    println!(
        "{} has version {version}, which is not used yet. Running nodes take it from this file within two seconds; where nodes \
         have copies, copy the file to each now. Then: wmda-auth pepper activate {version}",
        path.display()
    );
    Ok(())
}

/// Replaces the file atomically, keeping owner and mode, so that nobody reads a partial line.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let before = fs::metadata(path)?;
    let mut text = zeroize::Zeroizing::new(fs::read_to_string(path)?);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    let unfinished = path.with_extension("unfinished");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.set_permissions(before.permissions())?;
    // Fails without root, and is not needed if the owner is the same.
    let _ = std::os::unix::fs::chown(&unfinished, Some(before.uid()), Some(before.gid()));
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// Operations on pepper versions, with their dependencies.
struct Operator {
    name: String,
    store: Store,
    pepper: Arc<Pepper>,
}

impl Operator {
    fn open(configuration: &Configuration, name: String) -> Outcome<Self> {
        let pepper = preparation::load_pepper(configuration)?;
        let store = crate::database::open(configuration)?;
        store.verify_schema()?;
        preparation::verify_pepper(&store, &pepper, configuration)?;
        let pepper = Arc::new(pepper);
        Ok(Self { name, store, pepper })
    }

    async fn run(&self, command: PepperCommand) -> Outcome<()> {
        match command {
            PepperCommand::Add => Ok(()),
            PepperCommand::Activate { version, wait } => {
                self.activate(version, Duration::from_secs(wait)).await
            }
            PepperCommand::Migrate => self.migrate().await,
            PepperCommand::List => self.list().await,
        }
    }

    fn entry(&self, action: AuditAction, version: i32) -> Entry {
        let event = Event {
            at: clock::SystemClock::start().now().trunc_subsecs(3),
            actor: format!("command line ({})", self.name),
            action: action.to_string(),
            object: format!("pepper/{version}"),
            source: "command line".to_owned(),
            outcome: AuditOutcome::Done.to_string(),
        };
        let key = Arc::new(self.pepper.current_audit_key());
        Entry { event, key }
    }

    async fn activate(&self, version: Option<i32>, wait: Duration) -> Outcome<()> {
        let known = self.pepper.known();
        let version = version.or(known.last().copied()).unwrap_or_default();
        if !known.contains(&version) {
            return Err(format!(
                "the pepper file has no version {version}; `wmda-auth pepper add` makes the next one"
            )
            .into());
        }
        let active = self.pepper.active();
        if version <= active {
            return Err(format!("version {active} is active already; versions only go up").into());
        }
        self.known_everywhere(version, wait).await?;
        let (pepper, random) = (Arc::clone(&self.pepper), clock::system_random());
        let entry = self.entry(AuditAction::PepperActivate, version);
        self.store.activate_pepper(version, pepper, random, entry).await?;
        println!(
            "version {version} is used for what is new, on every node within two seconds. Secrets move to it as they are used; \
             `wmda-auth pepper migrate` moves the rest, and `wmda-auth pepper list` shows when version {active} can be taken out of the file"
        );
        Ok(())
    }

    async fn known_everywhere(&self, version: i32, wait: Duration) -> Outcome<()> {
        let clock = clock::SystemClock::start();
        let until = clock.monotonic() + wait;
        loop {
            let nodes = self.store.pepper_nodes(clock.now()).await?;
            let lacking: Vec<&str> = nodes
                .iter()
                .filter(|node| !node.versions.contains(&version))
                .map(|node| node.host.as_str())
                .collect();
            if lacking.is_empty() {
                return Ok(());
            }
            if clock.monotonic() >= until {
                return Err(format!(
                    "version {version} stays unused: running nodes do not know it: {}. Copy the pepper file to them, or stop them, and \
                     try again",
                    lacking.join(", ")
                )
                .into());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn migrate(&self) -> Outcome<()> {
        let version = self.pepper.active();
        let (pepper, random) = (Arc::clone(&self.pepper), clock::system_random());
        let done = self
            .store
            .reseal(pepper, random, self.entry(AuditAction::PepperMigrate, version))
            .await?;
        println!("{} values are sealed under version {version} now", done.done);
        if done.unreadable > 0 {
            println!(
                "{} values can't be opened with any version in the file and stay as they are",
                done.unreadable
            );
        }
        self.list().await
    }

    async fn list(&self) -> Outcome<()> {
        let now = clock::SystemClock::start().now();
        let (known, active) = (self.pepper.known(), self.pepper.active());
        for used in self.store.pepper_use(now).await? {
            let place = match known.contains(&used.version) {
                true => "",
                false => ", not in the file",
            };
            println!("{}", line(&used, active, place));
        }
        Ok(())
    }
}

fn line(used: &PepperUse, active: i32, place: &str) -> String {
    let state = match used.activated_at {
        _ if used.version == active => "active",
        None => "known, not used yet",
        Some(_) => "retired",
    };
    let needs = match used.needs() {
        needs if needs.is_empty() && used.version < active && place.is_empty() => {
            "nothing needs it: its line can be removed".to_owned()
        }
        needs if needs.is_empty() => "nothing needs it".to_owned(),
        needs => format!("needed by {}", needs.join(", ")),
    };
    let kept = match (used.audit_events, used.audit_key_kept) {
        (events, true) if events > 0 => format!("; the key of its {events} audit events is kept"),
        _ => String::new(),
    };
    format!("version {} ({state}{place}): {needs}{kept}", used.version)
}
