//! Credentials as managers see them: creation, deletion, lists, and views.

mod by_hint;
mod creation;
mod deletion;
mod listing;
mod notice_recipients;
mod view;

pub use by_hint::LiveSecret;
pub(crate) use creation::live_credentials;
pub use creation::{NewClientSecret, NewProof, SecretLimits};
pub(crate) use deletion::delete;
pub use listing::{PageKey, SecretFilter, SecretPage};
pub use notice_recipients::NoticeRecipients;
pub(crate) use view::{Row, secret};
