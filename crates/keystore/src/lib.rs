//! Signing keys in a folder: load, sign, rotate, publish. A key's file name holds its algorithm and activation time,
//! so every node that sees the folder derives the same states and switches at the same instant.

mod encryption;
mod error;
mod folder;
mod key;
mod key_file;
mod key_set;
mod pair;
mod succession;
mod verify;

pub use encryption::Passphrase;
pub use error::KeyFolderError;
pub use folder::KeyFolder;
pub use key::{KeyError, SigningKey};
pub use key_file::write_private;
pub use key_set::{FIRST_ALGORITHMS, JWKS_MAX_AGE_SECONDS, KeySet, KeyState};
pub use oauth2_types::algorithm::Algorithm;
pub use succession::{Revoked, Successor};
