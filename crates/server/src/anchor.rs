//! `audit.anchor`: a file outside the database that gets the end of the audit trail at start and every hour.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{Clock, pepper::Pepper};
use store::{Store, StoreError, audit::Anchor};

use crate::{Outcome, configuration::Configuration, preparation::Prepared};

/// Between two anchors.
const EVERY: Duration = Duration::from_secs(3600);
/// When the database could not be asked.
const AGAIN: Duration = Duration::from_secs(60);

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
        options.append(true).create(true).mode(0o640).open(&self.0)
    }

    fn append(&self, anchor: &Anchor) -> io::Result<()> {
        let line = serde_json::to_string(anchor)?;
        let mut file = self.open()?;
        // What an earlier one left unfinished ends here.
        let start = if fs::read(&self.0)?.last().is_none_or(|last| *last == b'\n') {
            ""
        } else {
            "\n"
        };
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

/// What an anchor is made of.
struct Anchoring {
    file: Option<AnchorFile>,
    store: Store,
    pepper: Arc<Pepper>,
    clock: Arc<dyn Clock>,
}

/// Now and then every hour, also where no file is configured: whoever keeps the log elsewhere has the anchors there.
pub fn spawn(configuration: &Configuration, prepared: &Prepared) {
    let anchoring = Anchoring {
        file: configuration.audit.anchor.as_deref().map(AnchorFile::at),
        store: prepared.store.clone(),
        pepper: Arc::clone(&prepared.pepper),
        clock: Arc::clone(&prepared.clock),
    };
    actix_web::rt::spawn(async move {
        loop {
            let pause = match anchoring.anchor().await {
                Ok(()) => EVERY,
                Err(error) => {
                    log::warn!("the end of the audit trail can't be anchored now: {error}");
                    AGAIN
                }
            };
            tokio::time::sleep(pause).await;
        }
    });
}

impl Anchoring {
    async fn anchor(&self) -> Result<(), StoreError> {
        let key = self.pepper.current_audit_key();
        let (anchor, is_sealed) = self.store.audit_anchor(key, self.clock.now()).await?;
        log::info!(
            "the audit trail has {} events, its head is {}",
            anchor.events,
            anchor.head
        );
        if !is_sealed {
            log::error!("{UNSEALED}");
        }
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        let appended = tokio::task::spawn_blocking(move || {
            let before = file.read().ok().and_then(|(mut anchors, _)| anchors.pop());
            file.append(&anchor)
                .map(|()| before)
                .map_err(|error| file.named(error))
        });
        match appended.await {
            Ok(Ok(before)) => self.compare(before).await?,
            Ok(Err(error)) => log::error!("audit.anchor: {error}"),
            Err(error) => log::error!("audit.anchor: {error}"),
        }
        Ok(())
    }

    /// The last anchor before: an end that was put back is told within the hour.
    async fn compare(&self, before: Option<Anchor>) -> Result<(), StoreError> {
        let before = before.into_iter().collect();
        if let Some(anchor) = self.store.contradicting_anchor(before).await? {
            log::error!("{}", contradiction(&anchor));
        }
        Ok(())
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
