//! Reminders about a secret and their delivery state. When they are due is decided in `notifications`.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::resource::Unknown;

/// Pseudo-threshold of the notice, sent once, that an expired secret is still in use.
pub const STILL_TRIED: i32 = -1;
/// Pseudo-threshold of the notice that withdraws a calendar entry.
pub const WITHDRAWN: i32 = -2;

/// The kind of a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReminderKind {
    /// The secret expires soon: rotate it.
    Reminder,
    /// Its rotation is complete: delete it.
    PleaseDelete,
    /// It has expired.
    Expired,
    /// It has expired, and a client still presents it.
    StillTried,
    /// It was deleted: its calendar entry is withdrawn.
    Withdrawn,
}

impl ReminderKind {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::PleaseDelete => "please_delete",
            Self::Expired => "expired",
            Self::StillTried => "still_tried",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl FromStr for ReminderKind {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "reminder" => Ok(Self::Reminder),
            "please_delete" => Ok(Self::PleaseDelete),
            "expired" => Ok(Self::Expired),
            "still_tried" => Ok(Self::StillTried),
            "withdrawn" => Ok(Self::Withdrawn),
            _ => Err(Unknown("kind of reminder")),
        }
    }
}

/// The delivery state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Pending: to be sent, or to be retried.
    Pending,
    /// Accepted by the receiving server.
    Sent,
    /// Failed permanently.
    Failed,
    /// Suppressed: a more urgent one was sent, or the reason is gone.
    Suppressed,
}

impl DeliveryState {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "pending" => Ok(Self::Pending),
            "sent" => Ok(Self::Sent),
            "failed" => Ok(Self::Failed),
            "suppressed" => Ok(Self::Suppressed),
            _ => Err(Unknown("state of delivery")),
        }
    }
}

/// A reminder to one recipient, with its delivery state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Days before the expiry, or [`STILL_TRIED`] or [`WITHDRAWN`].
    pub threshold_days: i32,
    /// The recipient's e-mail address.
    pub recipient: String,
    /// The kind.
    pub kind: ReminderKind,
    /// The delivery state.
    pub state: DeliveryState,
    /// When it entered that state.
    pub at: DateTime<Utc>,
}
