//! The journal: a file outside the database that outlives a restore. Each change is written there after its commit and before its answer,
//! with the highest numbers that were given out; a database that comes back older is told what it forgot.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::{
    audit::{AuditKey, Entry, Event, Outcome},
    audit_action::AuditAction,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    audit::trail,
    clients::changes,
    database::{
        connection::AnyConnection,
        schema::{audit_events, audit_head, change_counter, client_secrets},
    },
    store::aside,
};

/// Who is named in the audit trail.
const ACTOR: &str = "journal";
/// How many secrets one query asks for.
const CHUNK: usize = 500;

/// How far the database had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    /// Of the audit trail.
    sequence: i64,
    /// Of the change counter.
    version: i64,
    /// The first status index that was not given out.
    next_index: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    at: DateTime<Utc>,
    #[serde(flatten)]
    marks: Marks,
    /// As in the audit trail; a restored database makes the line `journal.replay`.
    action: String,
    object: String,
    /// Of a suspension: its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

impl Line {
    /// The events of this transaction: a change may have several. Those of others that came between are told twice, which
    /// does no harm.
    fn since(connection: &mut AnyConnection, before: Marks) -> Result<Vec<Self>, StoreError> {
        let marks = marks(connection)?;
        let events: Vec<(NaiveDateTime, String, String)> = audit_events::table
            .filter(audit_events::sequence.gt(before.sequence))
            .order(audit_events::sequence)
            .select((audit_events::at, audit_events::action, audit_events::object))
            .load(connection)?;
        let line = |(at, action, object): (NaiveDateTime, String, String)| {
            Ok(Self {
                at: at.and_utc(),
                marks,
                until: suspension(connection, &action, &object)?,
                action,
                object,
            })
        };
        events.into_iter().map(line).collect()
    }

    /// Objects of credentials are `application/<id>/<kind>/<id>`.
    fn credential(&self, action: &str) -> Option<Uuid> {
        credential(&self.action, &self.object, action)
    }
}

fn credential(own: &str, object: &str, action: &str) -> Option<Uuid> {
    let parts: Vec<&str> = object.split('/').collect();
    match (own.strip_suffix(action), &parts[..]) {
        (Some(_), ["application", _, _, id]) => Uuid::try_parse(id).ok(),
        _ => None,
    }
}

/// The end of the suspension that an event is about, as the change has just stored it.
fn suspension(
    connection: &mut AnyConnection,
    action: &str,
    object: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let Some(id) = credential(action, object, SUSPEND) else {
        return Ok(None);
    };
    let until: Option<Option<NaiveDateTime>> = client_secrets::table
        .find(id.to_string())
        .select(client_secrets::suspended_until)
        .first(connection)
        .optional()?;
    Ok(until.flatten().map(|until| until.and_utc()))
}

const REPLAY: AuditAction = AuditAction::JournalReplay;
/// How the actions end that are done again.
const DELETE: &str = ".delete";
const SUSPEND: &str = ".suspend";
const RESUME: &str = ".resume";

/// Where changes are written beside the database.
#[derive(Debug)]
pub struct Journal {
    /// A file, or a folder in which each machine has its own.
    path: PathBuf,
    own: PathBuf,
    /// What could not be written yet.
    pending: Mutex<Vec<String>>,
}

impl Journal {
    /// Opens `file:PATH`; where that is a folder, `host` names this machine's file in it.
    pub fn open(url: &str, host: &str) -> Result<Self, String> {
        let Some(path) = url.strip_prefix("file:") else {
            return Err("it must be file:PATH, a file or a folder".to_owned());
        };
        let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
        let own = match path.is_dir() {
            true => path.join(format!("{host}.jsonl")),
            false => path.clone(),
        };
        let journal = Self {
            path,
            own,
            pending: Mutex::new(Vec::new()),
        };
        journal.write(&[]).map_err(|error| {
            format!(
                "{}: {error}; check that the folder exists and belongs to the server's user",
                journal.own.display()
            )
        })?;
        Ok(journal)
    }

    fn write(&self, lines: &[String]) -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.own)?;
        // One write for all: nodes that append to one file don't cut each other's lines. What an earlier one left unfinished ends here.
        let start = if ends_a_line(&self.own)? { "" } else { "\n" };
        file.write_all(format!("{start}{}", lines.concat()).as_bytes())?;
        match lines.is_empty() {
            true => Ok(()),
            false => file.sync_data(),
        }
    }

    /// Appends lines. What can't be written is kept, and comes before the next ones.
    fn append(&self, lines: &[Line]) -> Result<(), StoreError> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines {
            let text = serde_json::to_string(line).map_err(|_| StoreError::Corrupt("journal line"))?;
            pending.push(format!("{text}\n"));
        }
        match self.write(&pending) {
            Ok(()) => {
                pending.clear();
                Ok(())
            }
            Err(error) => Err(StoreError::Journal(format!("{}: {error}", self.own.display()))),
        }
    }

    /// All lines of all machines, by time.
    fn lines(&self) -> Result<Vec<Line>, StoreError> {
        let named = |path: &Path, error: io::Error| {
            StoreError::JournalUnreadable(format!("{}: {error}", path.display()))
        };
        let mut lines = Vec::new();
        for path in self.files().map_err(|error| named(&self.path, error))? {
            let text = fs::read_to_string(&path).map_err(|error| named(&path, error))?;
            for (number, line) in text.lines().enumerate() {
                match serde_json::from_str(line) {
                    Ok(line) => lines.push(line),
                    // It was cut off, so that nobody was answered; it came again, or its change was never told of.
                    Err(_) => log::warn!(
                        "{}: line {} is incomplete and left out",
                        path.display(),
                        number + 1
                    ),
                }
            }
        }
        lines.sort_by_key(|line: &Line| line.at);
        Ok(lines)
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        if !self.path.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let entries = fs::read_dir(&self.path)?.collect::<Result<Vec<_>, _>>()?;
        let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        Ok(files)
    }
}

fn ends_a_line(path: &Path) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// What a journal knows in all.
struct Known {
    marks: Marks,
    /// Since the last replay.
    sequence: i64,
    deleted: BTreeMap<Uuid, DateTime<Utc>>,
    /// The last word on each credential that was suspended.
    suspended: BTreeMap<Uuid, DateTime<Utc>>,
    lines: Vec<Line>,
}

impl Known {
    fn of(lines: Vec<Line>) -> Self {
        let mut known = Self {
            marks: Marks::default(),
            sequence: 0,
            deleted: BTreeMap::new(),
            suspended: BTreeMap::new(),
            lines: Vec::new(),
        };
        for line in &lines {
            known.marks.version = known.marks.version.max(line.marks.version);
            known.marks.next_index = known.marks.next_index.max(line.marks.next_index);
            known.sequence = match line.action.as_str() {
                action if action == REPLAY.as_str() => line.marks.sequence,
                _ => known.sequence.max(line.marks.sequence),
            };
            if let Some(id) = line.credential(DELETE) {
                known.deleted.entry(id).or_insert(line.at);
            }
            if let (Some(id), Some(until)) = (line.credential(SUSPEND), line.until) {
                known.suspended.insert(id, until);
            }
            if let Some(id) = line.credential(RESUME) {
                known.suspended.remove(&id);
            }
        }
        known.lines = lines;
        known
    }
}

/// What a database was told that had forgotten it.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Credentials that are deleted again.
    pub deleted: Vec<Uuid>,
    /// Credentials that are suspended again, and until when.
    pub suspended: Vec<(Uuid, DateTime<Utc>)>,
    /// The first status index that is given out now, where that was raised.
    pub next_index: Option<i64>,
    /// Where the audit trail ends, and where it had ended.
    pub cut: Option<(i64, i64)>,
    /// Changes that are gone and can't be made again from here: what and on which object.
    pub lost: Vec<String>,
}

impl Replayed {
    fn is_nothing(&self) -> bool {
        self.deleted.is_empty()
            && self.suspended.is_empty()
            && self.next_index.is_none()
            && self.cut.is_none()
    }
}

pub(crate) fn marks(connection: &mut AnyConnection) -> Result<Marks, StoreError> {
    let (version, next_index) = change_counter::table
        .select((change_counter::version, change_counter::next_status_index))
        .first(connection)?;
    let sequence = audit_head::table.select(audit_head::sequence).first(connection)?;
    Ok(Marks {
        sequence,
        version,
        next_index,
    })
}

/// SQLite gives no lock to who has read before another wrote, so a change begins with a write. PostgreSQL needs none, and
/// would lock the end of the trail before the counter of versions, against the order of all changes.
fn write_first(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if let AnyConnection::Sqlite(_) = connection {
        diesel::update(audit_head::table)
            .set(audit_head::sequence.eq(audit_head::sequence))
            .execute(connection)?;
    }
    Ok(())
}

impl Store {
    /// Writes every change to a journal as well.
    pub fn with_journal(mut self, journal: Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Runs a change and its record in one transaction, and then writes it to the journal: whoever waits is answered after both.
    pub(crate) fn journaled<T>(
        journal: Option<&Journal>,
        connection: &mut AnyConnection,
        entry: &Entry,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        Self::in_journal(journal, connection, |connection| {
            let outcome = body(connection)?;
            trail::append(connection, entry)?;
            Ok(outcome)
        })
    }

    /// The same for a change that makes its records itself.
    pub(crate) fn in_journal<T, E: From<StoreError> + From<diesel::result::Error>>(
        journal: Option<&Journal>,
        connection: &mut AnyConnection,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let (outcome, lines) = connection.transaction(|connection| {
            write_first(connection)?;
            let before = journal.map(|_| marks(connection)).transpose()?;
            let outcome = body(connection)?;
            let lines = before.map(|before| Line::since(connection, before));
            Ok::<_, E>((outcome, lines.transpose()?))
        })?;
        if let Some((journal, lines)) = journal.zip(lines) {
            journal.append(&lines)?;
        }
        Ok(outcome)
    }

    /// The last event that the journal knows; 0 without a journal.
    pub fn journaled_sequence(&self) -> Result<i64, StoreError> {
        let lines = self.journal.as_ref().map(|journal| journal.lines()).transpose()?;
        Ok(lines.map_or(0, |lines| Known::of(lines).sequence))
    }

    /// Tells a database that is older than the journal what it forgot; for start-up, before the first token. Blocks.
    pub fn replay_journal(
        &self,
        key: Arc<AuditKey>,
        now: DateTime<Utc>,
    ) -> Result<Option<Replayed>, StoreError> {
        let Some(journal) = &self.journal else {
            return Ok(None);
        };
        let known = Known::of(journal.lines()?);
        let replay_where_needed = |connection: &mut AnyConnection| {
            if forgotten(connection, &known, now)?.is_nothing() {
                return Ok(None);
            }
            let (replayed, marks) =
                connection.transaction(|connection| replay(connection, &known, &key, now))?;
            journal.append(&[Line {
                at: now,
                marks,
                action: REPLAY.to_string(),
                object: "-".to_owned(),
                until: None,
            }])?;
            Ok(Some(replayed))
        };
        aside(|| self.with_connection(replay_where_needed))
    }
}

fn forgotten(
    connection: &mut AnyConnection,
    known: &Known,
    now: DateTime<Utc>,
) -> Result<Replayed, StoreError> {
    let own = marks(connection)?;
    let ids: Vec<String> = known.deleted.keys().map(Uuid::to_string).collect();
    let mut deleted = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let alive: Vec<String> = client_secrets::table
            .filter(client_secrets::id.eq_any(chunk))
            .filter(client_secrets::deleted_at.is_null())
            .select(client_secrets::id)
            .load(connection)?;
        deleted.extend(alive.iter().filter_map(|id| Uuid::try_parse(id).ok()));
    }
    let missing = known.lines.iter().filter(|line| {
        let of_now = known.sequence > own.sequence && line.marks.sequence > own.sequence;
        of_now && line.action != REPLAY.as_str() && line.credential(DELETE).is_none() && line.until.is_none()
    });
    Ok(Replayed {
        deleted,
        suspended: suspended(connection, known, now)?,
        next_index: (own.next_index < known.marks.next_index).then_some(known.marks.next_index),
        cut: (own.sequence < known.sequence).then_some((own.sequence, known.sequence)),
        lost: missing
            .map(|line| format!("{} {}", line.action, line.object))
            .collect(),
    })
}

/// Those that a database does not know to be suspended for as long as the journal does.
fn suspended(
    connection: &mut AnyConnection,
    known: &Known,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, DateTime<Utc>)>, StoreError> {
    let mut found = Vec::new();
    let lasting = known
        .suspended
        .iter()
        .filter(|(id, until)| **until > now && !known.deleted.contains_key(id));
    for (id, until) in lasting {
        let shorter = client_secrets::table
            .find(id.to_string())
            .filter(client_secrets::deleted_at.is_null())
            .filter(
                client_secrets::suspended_until
                    .is_null()
                    .or(client_secrets::suspended_until.lt(until.naive_utc())),
            );
        if shorter.count().get_result::<i64>(connection)? > 0 {
            found.push((*id, *until));
        }
    }
    Ok(found)
}

fn replay(
    connection: &mut AnyConnection,
    known: &Known,
    key: &Arc<AuditKey>,
    now: DateTime<Utc>,
) -> Result<(Replayed, Marks), StoreError> {
    let lower = change_counter::table.filter(change_counter::version.lt(known.marks.version));
    diesel::update(lower)
        .set(change_counter::version.eq(known.marks.version))
        .execute(connection)?;
    // Whoever remembers the database as it was forgets everything.
    changes::bump(connection, None)?;
    // Another node may have done it meanwhile.
    let replayed = forgotten(connection, known, now)?;
    let lower = change_counter::table.filter(change_counter::next_status_index.lt(known.marks.next_index));
    diesel::update(lower)
        .set(change_counter::next_status_index.eq(known.marks.next_index))
        .execute(connection)?;
    for id in &replayed.deleted {
        let at = known.deleted.get(id).copied().unwrap_or(now);
        diesel::update(client_secrets::table.find(id.to_string()))
            .set(client_secrets::deleted_at.eq(Some(at.naive_utc())))
            .execute(connection)?;
        record(
            connection,
            (AuditAction::SecretDelete, format!("secret/{id}")),
            key,
            now,
        )?;
    }
    for (id, until) in &replayed.suspended {
        diesel::update(client_secrets::table.find(id.to_string()))
            .set(client_secrets::suspended_until.eq(Some(until.naive_utc())))
            .execute(connection)?;
        record(
            connection,
            (AuditAction::SecretSuspend, format!("secret/{id}")),
            key,
            now,
        )?;
    }
    if let Some((ends, ended)) = replayed.cut {
        record(connection, (REPLAY, format!("events/{ends}-{ended}")), key, now)?;
    }
    Ok((replayed, marks(connection)?))
}

fn record(
    connection: &mut AnyConnection,
    (action, object): (AuditAction, String),
    key: &Arc<AuditKey>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let event = Event {
        at: now.trunc_subsecs(3),
        actor: ACTOR.to_owned(),
        action: action.to_string(),
        object,
        source: ACTOR.to_owned(),
        outcome: Outcome::Done.to_string(),
    };
    let key = Arc::clone(key);
    trail::append(connection, &Entry { event, key })
}
