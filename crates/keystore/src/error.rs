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
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file's name does not follow the convention.
    #[error("{}: name a key file after its algorithm and instant of activation, such as es256_20260131T120000Z.pem", .0.display())]
    Name(PathBuf),
    /// A file that everybody on the machine can read.
    #[error("{}: everybody can read it; run chmod 600 on it", .0.display())]
    Permissions(PathBuf),
    /// A file that holds no usable key.
    #[error("{}: {source}; restore it, or remove it and run `wmda-auth keys rotate`", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// No key of an algorithm is active.
    #[error("{}: no active {algorithm} key; run `wmda-auth keys generate --algorithm {algorithm}`{passed_over}", path.display())]
    NoActiveKey {
        /// The folder.
        path: PathBuf,
        /// Which algorithm.
        algorithm: Algorithm,
        /// What was found in its place.
        passed_over: String,
    },
    /// The key that was asked for is not there, or can't be retired.
    #[error("{0}")]
    Refused(&'static str),
}
