//! The audit trail while the server runs: whether it is whole, as far as that is seen without following it, and `audit.anchor`, a
//! file outside the database that gets its end at start and every hour.

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

use crate::{Outcome, configuration::Configuration, outage::Outage, preparation::Prepared};

/// Between two anchors, and between two counts of a trail that is whole.
const EVERY: Duration = Duration::from_secs(3600);
/// Between two looks at its end.
const BETWEEN_LOOKS: Duration = Duration::from_secs(30);

const UNSEALED: &str = "the audit trail does not end where it was sealed: run `wmda-auth admin verify-audit`";

/// JSON lines, which are only ever appended.
#[derive(Clone)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Opened anew each time: what moves old lines elsewhere leaves none behind that is written to.
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
        // What an earlier one left unfinished ends here.
        let start = if last == *b"\n" { "" } else { "\n" };
        file.write_all(format!("{start}{line}\n").as_bytes())?;
        file.sync_data()
    }

    /// All anchors, and how many lines are none: cut off when a disk was full, or altered.
    pub fn read(&self) -> io::Result<(Vec<Anchor>, usize)> {
        let text = fs::read_to_string(&self.0)?;
        let lines = text.lines().filter(|line| !line.is_empty());
        let read: Vec<Option<Anchor>> = lines.map(|line| serde_json::from_str(line).ok()).collect();
        let unreadable = read.iter().filter(|line| line.is_none()).count();
        Ok((read.into_iter().flatten().collect(), unreadable))
    }

    /// The file and what is wrong with it.
    pub fn named(&self, error: impl std::fmt::Display) -> String {
        format!("{}: {error}", self.0.display())
    }
}

/// A file that can't be written to. One that is not there is not left behind.
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

/// What `check` says of an end that is not under its seal.
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

/// Who looks at the trail, and what was found.
struct Watch {
    file: Option<AnchorFile>,
    store: Store,
    pepper: Arc<Pepper>,
    clock: Arc<dyn Clock>,
    is_intact: IntGauge,
    /// What was wrong at the last look, in words.
    fault: Option<String>,
    /// When the next anchor is due.
    due: Instant,
}

/// Looks now and then, and anchors every hour, also where no file is configured: whoever keeps the log elsewhere has the anchors there.
pub fn spawn(configuration: &Configuration, prepared: &Prepared, registry: &Registry) -> Outcome<()> {
    let is_intact = register_int_gauge_with_registry!(
        "wmda_auth_audit_trail_intact",
        "1 while the audit trail ends where it was sealed, no event is missing, and every anchored one is there.",
        registry
    )?;
    // Nothing is known against it.
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
    /// Its end each time; all events and anchors every hour, and as long as something is wrong: an event that is appended where
    /// others were taken away makes the end look right again.
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

    /// A fault is told once, and when it is over.
    fn tell(&mut self, fault: Option<String>) {
        self.is_intact.set(fault.is_none().into());
        match (&self.fault, &fault) {
            (None, Some(found)) => log::error!("{found}"),
            (Some(_), None) => log::info!("the audit trail is intact again"),
            _ => {}
        }
        self.fault = fault;
    }

    /// What is gone from a trail of so many events, in words.
    async fn missing(&self, events: i64) -> Result<Option<String>, StoreError> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || file.map(|file| file.read()));
        // One that can't be read can't be written to either, which is told.
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

/// In words.
pub fn contradiction(anchor: &Anchor) -> String {
    format!(
        "the audit trail is not the one that was anchored on {}: event {}, the last one then, is gone or another one; events were \
         cut off or replaced, or the database was restored",
        anchor.at.to_rfc3339(),
        anchor.events
    )
}
