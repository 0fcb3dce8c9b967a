//! A key file: its name, change detection, and atomic writing.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use chrono::{DateTime, NaiveDateTime, Utc};
use oauth2_types::algorithm::Algorithm;
use strum::VariantArray;

use crate::{KeyFolderError, SigningKey, key_set::Stamp};

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The file name for this algorithm and activation time.
pub(crate) fn file_name(algorithm: Algorithm, activates_at: DateTime<Utc>) -> String {
    format!(
        "{}_{}.pem",
        algorithm.name().to_lowercase(),
        activates_at.format(TIME)
    )
}

pub(crate) fn parse_name(path: &Path) -> Option<(Algorithm, DateTime<Utc>)> {
    let (algorithm, at) = path.file_stem()?.to_str()?.split_once('_')?;
    let mut known = Algorithm::VARIANTS.iter().copied();
    let algorithm = known.find(|one| one.name().to_lowercase() == algorithm)?;
    Some((algorithm, NaiveDateTime::parse_from_str(at, TIME).ok()?.and_utc()))
}

pub(crate) fn parse(path: &Path, pem: &str) -> Result<SigningKey, KeyFolderError> {
    let (algorithm, activates_at) = parse_name(path).ok_or_else(|| KeyFolderError::Name(path.to_owned()))?;
    SigningKey::parse(pem, algorithm, activates_at).map_err(|source| KeyFolderError::Key {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn stamp(path: &Path) -> Result<Stamp, KeyFolderError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|source| KeyFolderError::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok(Stamp {
        inode: metadata.ino(),
        length: metadata.len(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Replaces a file atomically; only its owner can read it.
pub(crate) fn replace_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("encrypted");
    // Left behind by an earlier attempt.
    let _ = fs::remove_file(&unfinished);
    write_private(&unfinished, contents)?;
    fs::rename(&unfinished, path)
}

/// Writes a new file that only its owner can read; never replaces one.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(contents)?;
    file.sync_all()?;
    // A hard link fails if the name is taken, and shows other nodes a complete file or none.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    linked
}
