//! Rules of reminders: when one is due, its kind, and its recipients. No I/O.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    reminder::{DeliveryState, ReminderKind, STILL_TRIED},
    secret::ClientSecret,
    webhook::WebhookEvent,
};
use store::{
    mails::{About, ClaimedMail},
    outbox::{MailKind, Plan},
    secret_facts::{Due, SecretFacts},
};

/// The default of `mail.thresholds_days`.
pub const DEFAULT_THRESHOLDS: [i32; 7] = [60, 30, 14, 7, 3, 1, 0];
/// From this threshold on a reminder is urgent: a mail of its own, also to the WMDA team.
const URGENT_DAYS: i32 = 7;
/// A secret that expired longer ago, before this server observed it, gets no reminder, unless it is still in use.
const LOOKED_BACK_DAYS: i64 = 30;
/// The assumed interval of use, in days, of a secret that was used on one day only.
const UNKNOWN_RHYTHM: i64 = 7;
/// Placeholder where there is no recipient.
pub const NOBODY: &str = "nobody";

/// Settings from configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    thresholds: Vec<i32>,
    support_address: Option<String>,
    mails_per_hour: i64,
}

/// The thresholds are invalid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("mail.thresholds_days takes at least one number of days from 0 to 365")]
pub struct InvalidThresholds;

impl Rules {
    /// Thresholds in days in any order; without `support_address` the WMDA team gets no copies.
    pub fn new(mut thresholds: Vec<i32>, support_address: Option<String>) -> Result<Self, InvalidThresholds> {
        thresholds.sort_unstable();
        thresholds.dedup();
        if thresholds.is_empty() || thresholds.iter().any(|days| !(0..=365).contains(days)) {
            return Err(InvalidThresholds);
        }
        Ok(Self {
            thresholds,
            support_address,
            mails_per_hour: i64::MAX,
        })
    }

    /// The rate limit of mails per recipient and hour; the last mail within it includes those pending.
    pub fn with_mails_per_hour(self, mails_per_hour: i64) -> Self {
        Self {
            mails_per_hour,
            ..self
        }
    }

    pub(crate) fn mails_per_hour(&self) -> i64 {
        self.mails_per_hour
    }

    /// The WMDA team's address, for copies.
    pub fn support_address(&self) -> Option<&str> {
        self.support_address.as_deref()
    }

    /// The selections of due secrets, the most urgent first. Each secret falls into one span: that of the smallest
    /// threshold that it has reached.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<Due> {
        let first = match self.thresholds.first() {
            Some(0) => now - TimeDelta::days(LOOKED_BACK_DAYS),
            _ => now,
        };
        let at = |days: &i32| now + TimeDelta::days(i64::from(*days));
        let from = std::iter::once(first).chain(self.thresholds.iter().map(at));
        let spans = from.zip(&self.thresholds).map(|(after, days)| Due::Threshold {
            days: *days,
            after,
            until: at(days),
        });
        std::iter::once(Due::StillTried).chain(spans).collect()
    }

    /// Plans the reminder of a due secret.
    pub fn plan(&self, due: Due, facts: &SecretFacts, now: DateTime<Utc>) -> Plan {
        let (threshold, kind) = match due {
            Due::StillTried => (STILL_TRIED, ReminderKind::StillTried),
            Due::Threshold { days, .. } => (days, kind(facts, days, now)),
        };
        let urgent = is_urgent(kind, threshold);
        let mut plan = Plan {
            secret_id: facts.secret.id,
            threshold_days: threshold,
            kind,
            urgent,
            recipients: Vec::new(),
            suppressed: Vec::new(),
            event: event(facts, threshold),
        };
        let handed_over = threshold >= 0 && is_handed_over(facts, now);
        if is_skipped(&facts.secret, threshold) || handed_over {
            plan.event = plan.event.filter(|event| *event == WebhookEvent::Expired);
            return plan;
        }
        let (recipients, suppressed) = self.recipients(facts, kind, urgent);
        for days in self.passed_over(facts, threshold) {
            plan.suppressed
                .extend(recipients.iter().map(|one| (days, one.clone())));
        }
        plan.suppressed
            .extend(suppressed.into_iter().map(|one| (threshold, one)));
        plan.recipients = recipients;
        plan
    }

    /// Recipients and suppressed recipients.
    fn recipients(
        &self,
        facts: &SecretFacts,
        kind: ReminderKind,
        urgent: bool,
    ) -> (Vec<String>, Vec<String>) {
        let already = kind == ReminderKind::PleaseDelete && was_asked_to_delete(&facts.secret);
        let wants = |urgent_only: bool| !already && (urgent || !urgent_only);
        let (mut recipients, mut suppressed) = (Vec::new(), Vec::new());
        for manager in &facts.managers {
            let list = if wants(manager.urgent_only) {
                &mut recipients
            } else {
                &mut suppressed
            };
            list.push(manager.email.clone());
        }
        if urgent || facts.managers.is_empty() {
            let team = self.support_address.clone().unwrap_or_else(|| NOBODY.to_owned());
            let unreachable = self.support_address.is_none() && !facts.managers.is_empty();
            let list = if already || self.support_address.is_none() {
                &mut suppressed
            } else {
                &mut recipients
            };
            if !unreachable && !list.contains(&team) {
                list.push(team);
            }
        }
        (recipients, suppressed)
    }

    /// Suppressed thresholds: those missed during a pause, after which only the most urgent one is sent.
    fn passed_over(&self, facts: &SecretFacts, threshold: i32) -> Vec<i32> {
        let later = threshold + 1..facts.reminded_days;
        let missed = |days: &i32| later.contains(days) && !is_skipped(&facts.secret, *days);
        self.thresholds.iter().copied().filter(missed).collect()
    }
}

/// A threshold beyond half of the secret's lifetime is skipped.
fn is_skipped(secret: &ClientSecret, days: i32) -> bool {
    TimeDelta::days(i64::from(days) * 2) > secret.expires_at - secret.created_at
}

fn kind(facts: &SecretFacts, threshold: i32, now: DateTime<Utc>) -> ReminderKind {
    match threshold {
        _ if is_rotated(facts, now) => ReminderKind::PleaseDelete,
        0 => ReminderKind::Expired,
        _ => ReminderKind::Reminder,
    }
}

/// Whether a reminder is sent at once in a mail of its own, whatever the recipient prefers.
pub fn is_urgent(kind: ReminderKind, threshold: i32) -> bool {
    match kind {
        ReminderKind::Reminder => threshold <= URGENT_DAYS,
        ReminderKind::Expired | ReminderKind::StillTried => true,
        ReminderKind::PleaseDelete | ReminderKind::Withdrawn => false,
    }
}

fn event(facts: &SecretFacts, threshold: i32) -> Option<WebhookEvent> {
    match threshold {
        STILL_TRIED if facts.reminded_days <= 0 => None,
        STILL_TRIED | 0 => Some(WebhookEvent::Expired),
        _ => Some(WebhookEvent::Expiring),
    }
}

/// Whether a system has rotated the secret and uses the successor, or has had little time to: the old one expires as
/// planned, and nobody has to act. Use after its expiry is still reported.
fn is_handed_over(facts: &SecretFacts, now: DateTime<Utc>) -> bool {
    let rotated = facts.secret.rotated_itself_at;
    rotated.is_some_and(|at| now - at < TimeDelta::days(1) || !facts.successors.is_empty())
}

fn was_asked_to_delete(secret: &ClientSecret) -> bool {
    let mut notifications = secret.notifications.iter();
    notifications.any(|one| one.kind == ReminderKind::PleaseDelete && one.state != DeliveryState::Suppressed)
}

/// Whether the rotation is complete: a newer secret of the application obtained a token after this one's last, and
/// this one has been silent for longer than its usual interval.
pub fn is_rotated(facts: &SecretFacts, now: DateTime<Utc>) -> bool {
    let last = facts.secret.last_use.as_ref().map(|last| last.at);
    let newer = facts
        .successors
        .iter()
        .any(|one| last.is_none_or(|last| one.last_used_at > last));
    newer && last.is_none_or(|last| now - last > silence(facts))
}

/// Silence that ends use: twice the longest interval between two days of use, so that a monthly job is not mistaken
/// for an unused secret.
fn silence(facts: &SecretFacts) -> TimeDelta {
    let days = &facts.days_of_use;
    let pauses = days
        .iter()
        .zip(days.iter().skip(1))
        .map(|(one, next)| (*next - *one).num_days());
    TimeDelta::days(pauses.max().map_or(UNKNOWN_RHYTHM, |longest| 2 * longest))
}

/// Whether the reason of a reminder still holds when its mail is about to be sent.
pub fn still_holds(
    facts: &SecretFacts,
    (threshold, kind): (i32, ReminderKind),
    recipient: &str,
    support_address: Option<&str>,
) -> bool {
    if kind == ReminderKind::Withdrawn {
        return true;
    }
    let is_superseded = facts
        .secret
        .notifications
        .iter()
        .any(|one| one.threshold_days < threshold && one.recipient == recipient);
    let is_manager = facts.managers.iter().any(|one| one.email == recipient);
    !facts.deleted && !is_superseded && (is_manager || support_address == Some(recipient))
}

/// Whether a notice about a credential still concerns its recipient.
pub fn still_concerns(mail: &ClaimedMail, support_address: Option<&str>) -> bool {
    let Some(About { facts, .. }) = &mail.about else {
        return true;
    };
    let is_manager = facts.managers.iter().any(|one| one.email == mail.recipient);
    // A creation or deletion stays worth knowing after the credential's end, and a leak all the more.
    let outlives = matches!(
        mail.kind,
        MailKind::SecretCreated | MailKind::SecretDeleted | MailKind::SecretLeaked
    );
    (outlives || !facts.deleted) && (is_manager || support_address == Some(&mail.recipient))
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
