//! The events that webhooks subscribe to.

/// The event type of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// The secret was created.
    Created,
    /// It was deleted.
    Deleted,
    /// A threshold before its expiry was reached.
    Expiring,
    /// It expired.
    Expired,
    /// It was suspended.
    Suspended,
    /// Its suspension was taken back; an end by itself was announced with the suspension.
    Resumed,
    /// A system rotated it.
    Rotated,
    /// It was granted a grace period.
    Graced,
}

impl WebhookEvent {
    /// All event types.
    pub const ALL: &[Self] = &[
        Self::Created,
        Self::Deleted,
        Self::Expiring,
        Self::Expired,
        Self::Suspended,
        Self::Resumed,
        Self::Rotated,
        Self::Graced,
    ];

    /// The name in the payload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "secret.created",
            Self::Deleted => "secret.deleted",
            Self::Expiring => "secret.expiring",
            Self::Expired => "secret.expired",
            Self::Suspended => "secret.suspended",
            Self::Resumed => "secret.resumed",
            Self::Rotated => "secret.rotated",
            Self::Graced => "secret.graced",
        }
    }

    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == text)
    }
}
