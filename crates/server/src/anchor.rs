//! Monitoring of the audit trail while the server runs: a quick integrity check, and `audit.anchor`, a file outside
//! the database to which the trail's head is appended at start-up and every hour.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{Clock, pepper::Pepper};
use prometheus::{IntGauge, Registry, register_int_gauge_with_registry};
use store::{Store, StoreError, audit::Anchor};
use tokio::time::Instant;

use crate::{Outcome, configuration::Configuration, outage::Outage, prepared::Prepared};

/// Interval of anchors, and of counting an intact trail.
const EVERY: Duration = Duration::from_secs(3600);
/// Interval of checking its head.
const BETWEEN_LOOKS: Duration = Duration::from_secs(30);

const UNSEALED: &str = "the audit trail does not end where it was sealed: run `wmda-auth admin verify-audit`";

/// An append-only file of JSON lines.
#[derive(Clone)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Reopened for each use, so that log rotation leaves no stale file handle.
    fn open(&self) -> io::Result<fs::File> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        options.mode(0o640).open(&self.0)
    }

    fn append(&self, anchor: &Anchor) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        let line = serde_json::to_string(anchor)?;
        let mut file = self.open()?;
        let mut last = *b"\n";
        if let Some(end) = file.metadata()?.len().checked_sub(1) {
            file.read_exact_at(&mut last, end)?;
        }
        // Ends a line that an earlier write left incomplete.
        let start = if last == *b"\n" { "" } else { "\n" };
        file.write_all(format!("{start}{line}\n").as_bytes())?;
        file.sync_data()
    }

    /// All anchors, and the number of invalid lines: truncated when a disk was full, or altered.
    pub fn read(&self) -> io::Result<(Vec<Anchor>, usize)> {
        let text = fs::read_to_string(&self.0)?;
        let lines = text.lines().filter(|line| !line.is_empty());
        let read: Vec<Option<Anchor>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
        let unreadable = read.iter().filter(|line| line.is_none()).count();
        Ok((read.into_iter().flatten().collect(), unreadable))
    }

    /// An error with the file's name.
    pub fn named(&self, error: impl std::fmt::Display) -> String {
        format!("{}: {error}", self.0.display())
    }
}

/// Checks that the file is writable. A missing one is not left behind.
pub fn check(configuration: &Configuration) -> Outcome<()> {
    let Some(path) = &configuration.audit.anchor else {
        return Ok(());
    };
    let (file, is_new) = (AnchorFile::at(path), !path.exists());
    let opened = file.open().map(drop);
    if is_new && opened.is_ok() {
        fs::remove_file(path)?;
    }
    Ok(opened.map_err(|error| {
        format!(
            "audit.anchor: {}; check that the folder exists and belongs to the server's user",
            file.named(error)
        )
    })?)
}

/// The warning of `check` about an unsealed end.
pub async fn warning(
    store: &Store,
    pepper: &Pepper,
    clock: &dyn Clock,
) -> Result<Option<String>, StoreError> {
    let (_, is_sealed) = store
        .audit_anchor(pepper.current_audit_key(), clock.now())
        .await?;
    Ok((!is_sealed).then(|| UNSEALED.to_owned()))
}

/// The monitoring task's state.
struct Watch {
    file: Option<AnchorFile>,
    store: Store,
    pepper: Arc<Pepper>,
    clock: Arc<dyn Clock>,
    is_intact: IntGauge,
    /// The last problem, in words.
    fault: Option<String>,
    /// When the next anchor is due.
    due: Instant,
}

/// Starts the task. It anchors every hour even without a configured file, as anchors are also logged, and logs may be
/// kept elsewhere.
pub fn spawn(configuration: &Configuration, prepared: &Prepared, registry: &Registry) -> Outcome<()> {
    let is_intact = register_int_gauge_with_registry!(
        "wmda_auth_audit_trail_intact",
        "1 while the audit trail ends where it was sealed, no event is missing, and every anchored one is there.",
        registry
    )?;
    // Assumed intact until a check fails.
    is_intact.set(1);
    let mut watch = Watch {
        file: configuration.audit.anchor.as_deref().map(AnchorFile::at),
        store: prepared.store.clone(),
        pepper: Arc::clone(&prepared.pepper),
        clock: Arc::clone(&prepared.clock),
        is_intact,
        fault: None,
        due: Instant::now(),
    };
    actix_web::rt::spawn(async move {
        let mut outage = Outage::default();
        loop {
            outage.note(watch.look().await.err(), "asked for the end of the audit trail");
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    });
    Ok(())
}

impl Watch {
    /// Checks the head each time; counts events and compares anchors every hour, and as long as a problem lasts: an
    /// event appended after a truncation makes the head look right again.
    async fn look(&mut self) -> Result<(), StoreError> {
        let key = self.pepper.current_audit_key();
        let (anchor, ends_well) = self.store.audit_anchor(key, self.clock.now()).await?;
        let is_due = Instant::now() >= self.due;
        let fault = match ends_well {
            false => Some(UNSEALED.to_owned()),
            true if is_due || self.fault.is_some() => self.missing(anchor.events).await?,
            true => None,
        };
        self.tell(fault);
        if is_due {
            self.anchor(anchor).await;
            self.due = Instant::now() + EVERY;
        }
        Ok(())
    }

    /// Logs a problem once, and its end.
    fn tell(&mut self, fault: Option<String>) {
        self.is_intact.set(fault.is_none().into());
        match (&self.fault, &fault) {
            (None, Some(found)) => log::error!("{found}"),
            (Some(_), None) => log::info!("the audit trail is intact again"),
            _ => {}
        }
        self.fault = fault;
    }

    /// What is missing from a trail of this many events, in words.
    async fn missing(&self, events: i64) -> Result<Option<String>, StoreError> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || file.map(|file| file.read()));
        // A file that can't be read can't be written to either, which is logged.
        let anchors = match read.await {
            Ok(Some(Ok((anchors, _)))) => anchors,
            _ => Vec::new(),
        };
        if let Some(anchor) = self.store.contradicting_anchor(anchors).await? {
            return Ok(Some(contradiction(&anchor)));
        }
        let gone = events - self.store.count_audit_events(events).await?;
        Ok((gone > 0).then(|| {
            format!("{gone} events of the audit trail are gone: run `wmda-auth admin verify-audit`")
        }))
    }

    async fn anchor(&self, anchor: Anchor) {
        log::info!(
            "the audit trail has {} events, its head is {}",
            anchor.events,
            anchor.head
        );
        let Some(file) = self.file.clone() else {
            return;
        };
        let appended =
            tokio::task::spawn_blocking(move || file.append(&anchor).map_err(|error| file.named(error)));
        match appended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::error!("audit.anchor: {error}"),
            Err(error) => log::error!("audit.anchor: {error}"),
        }
    }
}

/// A contradicting anchor in words.
pub fn contradiction(anchor: &Anchor) -> String {
    format!(
        "the audit trail is not the one that was anchored on {}: event {}, the last one then, is gone or another one; events were \
         cut off or replaced, or the database was restored",
        anchor.at.to_rfc3339(),
        anchor.events
    )
}
