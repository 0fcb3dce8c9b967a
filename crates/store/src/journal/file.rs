//! The journal's file: whole lines are appended and synced; a truncated line is skipped.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{StoreError, journal::line::Line};

/// The journal of changes outside the database.
#[derive(Debug)]
pub struct Journal {
    /// A file, or a folder with a file per machine.
    path: PathBuf,
    own: PathBuf,
    /// Lines not written yet.
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
        // A single write, so that nodes appending to one file don't split each other's lines. It starts with a line
        // break if an earlier write was cut short.
        let start = if ends_a_line(&self.own)? { "" } else { "\n" };
        file.write_all(format!("{start}{}", lines.concat()).as_bytes())?;
        match lines.is_empty() {
            true => Ok(()),
            false => file.sync_data(),
        }
    }

    /// Appends lines. What can't be written is kept and written before the next ones.
    pub(super) fn append(&self, lines: &[Line]) -> Result<(), StoreError> {
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
    pub(super) fn lines(&self) -> Result<Vec<Line>, StoreError> {
        let named = |path: &Path, error: io::Error| {
            StoreError::JournalUnreadable(format!("{}: {error}", path.display()))
        };
        let mut lines = Vec::new();
        for path in self.files().map_err(|error| named(&self.path, error))? {
            let text = fs::read_to_string(&path).map_err(|error| named(&path, error))?;
            for (number, line) in text.lines().enumerate() {
                match serde_json::from_str(line) {
                    Ok(line) => lines.push(line),
                    // Truncated, so its change was not answered: the line was written again, or nobody relies on the
                    // change.
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
