//! What is told about a secret, and how the telling stands. When it is due is decided in `notifications`.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::resource::Unknown;

/// The threshold under which it is told, once, that an expired secret is still being tried.
pub const STILL_TRIED: i32 = -1;
/// The threshold under which a calendar entry is taken back.
pub const WITHDRAWN: i32 = -2;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReminderKind {
    /// It expires soon: rotate.
    Reminder,
    /// The rotation is done: delete the old one.
    PleaseDelete,
    /// It has expired.
    Expired,
    /// It has expired, and a system still presents it.
    StillTried,
    /// It was deleted: its calendar entry is taken back.
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

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be sent, or to be tried again.
    Pending,
    /// The receiving server took it.
    Sent,
    /// It was refused for good.
    Failed,
    /// It is not sent: something more urgent was, or there is no reason any more.
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

/// What was, or is to be, told to one recipient about a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Days before the expiry; [`STILL_TRIED`] and [`WITHDRAWN`] stand for themselves.
    pub threshold_days: i32,
    /// An e-mail address.
    pub recipient: String,
    /// What.
    pub kind: ReminderKind,
    /// How it stands.
    pub state: DeliveryState,
    /// Since when it stands so.
    pub at: DateTime<Utc>,
}
