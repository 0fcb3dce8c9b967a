//! Why a folder of keys, or a file in it, can't be used.

use std::{io, path::PathBuf};

use oauth2_types::algorithm::Algorithm;

use crate::KeyError;

/// Why the folder, or a file in it, can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFolderError {
    /// The folder or a file can't be read or written.
    #[error("{}: {source}; check that the path exists and belongs to the server's user", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file's name does not follow the convention.
    #[error("{}: name a key file after its algorithm and instant of activation, such as es256_20260131T120000Z.pem", .0.display())]
    Name(PathBuf),
    /// The file is readable by every user.
    #[error("{}: everybody can read it; run chmod 600 on it", .0.display())]
    Permissions(PathBuf),
    /// The file holds no usable key.
    #[error("{}: {source}; restore it, or remove it and run `wmda-auth keys rotate`", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: KeyError,
    },
    /// No key of an algorithm is active.
    #[error("{}: no active {algorithm} key; run `wmda-auth keys generate --algorithm {algorithm}`{passed_over}", path.display())]
    NoActiveKey {
        /// The folder.
        path: PathBuf,
        /// The algorithm.
        algorithm: Algorithm,
        /// Files that were skipped.
        passed_over: String,
    },
    /// The key does not exist, or can't be retired.
    #[error("{0}")]
    Refused(&'static str),
}
