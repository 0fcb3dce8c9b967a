//! Delivery of mails: claim, check that the reason still holds, compose, send, settle.

use std::time::Duration;

use chrono::TimeDelta;
use store::{
    StoreError,
    mails::{ClaimedMail, MailItem, Settlement},
    outbox::MailKind,
};
use uuid::Uuid;

use crate::{
    Notifier, Report, SendFailure,
    notifier::backoff,
    rules::{still_concerns, still_holds},
};

/// Mails per query.
const BATCH: i64 = 50;
/// Duration of a claim: longer than any attempt, with all of its time-outs.
const CLAIM: TimeDelta = TimeDelta::minutes(5);
/// Retries of settling a mail, and their interval: well within its claim.
const SETTLE_TRIES: u32 = 20;
const SETTLE_PAUSE: Duration = Duration::from_secs(2);
/// A mail with temporary failures is given up after this time.
const GIVE_UP: TimeDelta = TimeDelta::days(5);
/// A mail rejected permanently is retried for this long: a misconfigured relay rejects everything, and is usually
/// fixed within a day.
const REFUSED_FOR: TimeDelta = TimeDelta::days(1);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(4);

impl Notifier {
    /// Delivers due mails. Stops if the mail server does not work: a later pass retries the rest.
    pub async fn deliver(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        loop {
            let due = self.store.mails_due(self.now(), BATCH).await?;
            let mut claimed = 0;
            for id in due {
                if self.is_stopping() {
                    return Ok(report);
                }
                let now = self.now();
                let Some(mail) = self.store.claim_mail(id, now, now + CLAIM).await? else {
                    continue;
                };
                claimed += 1;
                let per_hour = self.rules.mails_per_hour();
                let Some(mail) = self.store.rate_limit_mail(mail, per_hour, now).await? else {
                    continue;
                };
                self.deliver_one(&mail, &mut report).await?;
                if report.trouble.is_some() {
                    return Ok(report);
                }
            }
            if claimed == 0 {
                return Ok(report);
            }
        }
    }

    async fn deliver_one(&self, mail: &ClaimedMail, report: &mut Report) -> Result<(), StoreError> {
        let support = self.rules.support_address();
        let holds = |item: &&MailItem| {
            let told = (item.threshold_days, item.kind);
            still_holds(&item.facts, told, &mail.recipient, support)
        };
        let items: Vec<MailItem> = mail.items.iter().filter(holds).cloned().collect();
        let left_out: Vec<(Uuid, i32)> = mail
            .items
            .iter()
            .filter(|item| !holds(item))
            .map(|item| (item.facts.secret.id, item.threshold_days))
            .collect();
        let settlement =
            if (items.is_empty() && mail.kind == MailKind::Reminders) || !still_concerns(mail, support) {
                report.suppressed += 1;
                Settlement::Suppressed
            } else {
                self.attempt(mail, &items, report).await
            };
        self.settle(mail, settlement, left_out).await
    }

    /// Settles a mail. The server may have accepted it: a briefly overloaded database must not cause a duplicate.
    /// make it go out again.
    async fn settle(
        &self,
        mail: &ClaimedMail,
        settlement: Settlement,
        left_out: Vec<(Uuid, i32)>,
    ) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            let (outcome, out) = (settlement.clone(), left_out.clone());
            match self.store.settle_mail(mail, outcome, out, self.now()).await {
                Err(error) if tries < SETTLE_TRIES => {
                    log::warn!("mail {} is not settled yet: {error}", mail.id);
                    tries += 1;
                    tokio::time::sleep(SETTLE_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, mail: &ClaimedMail, items: &[MailItem], report: &mut Report) -> Settlement {
        let message = match self.composer.compose(mail, items, self.now()) {
            Ok(message) => message,
            Err(error) => {
                log::error!("mail {} can't be written: {error}", mail.id);
                return self.later(mail, error.to_string(), report);
            }
        };
        let name = format!("{}-{}", mail.created_at.format("%Y%m%dT%H%M%SZ"), mail.id);
        match self.transport.send(message, &name).await {
            Ok(()) => {
                report.sent += 1;
                log::info!("mail {} to {} was handed over", mail.id, mail.recipient);
                Settlement::Sent
            }
            Err(SendFailure::Server(error)) => {
                log::error!("no mail can be sent at the moment, it is kept: {error}");
                report.trouble = Some(error.clone());
                self.put_off(mail, error, report)
            }
            Err(SendFailure::Later(error)) => self.later(mail, error, report),
            Err(SendFailure::Refused(error)) => self.refused_now(mail, error, report),
        }
    }

    /// A temporary failure: back off and retry, up to the limit.
    fn later(&self, mail: &ClaimedMail, error: String, report: &mut Report) -> Settlement {
        if self.now() - mail.created_at > GIVE_UP {
            return self.refused(mail, error, report);
        }
        log::warn!("mail {} to {} is put off: {error}", mail.id, mail.recipient);
        self.put_off(mail, error, report)
    }

    /// A permanent rejection may be the relay's fault or the address's: it is retried, and the WMDA team is notified
    /// at once.
    fn refused_now(&self, mail: &ClaimedMail, error: String, report: &mut Report) -> Settlement {
        if self.now() - mail.created_at > REFUSED_FOR {
            return self.refused(mail, error, report);
        }
        log::warn!(
            "mail {} to {} is refused and tried again: {error}",
            mail.id,
            mail.recipient
        );
        let instead = self.instead_of(mail);
        match self.put_off(mail, error, report) {
            Settlement::Retry { error, due_at, .. } => Settlement::Retry {
                error,
                due_at,
                instead,
            },
            other => other,
        }
    }

    fn put_off(&self, mail: &ClaimedMail, error: String, report: &mut Report) -> Settlement {
        report.put_off += 1;
        Settlement::Retry {
            error,
            due_at: self.now() + backoff(mail.attempts).min(LONGEST_WAIT),
            instead: None,
        }
    }

    /// The final rejection; the WMDA team is the fallback recipient.
    fn refused(&self, mail: &ClaimedMail, error: String, report: &mut Report) -> Settlement {
        log::error!(
            "mail {} to {} is refused for good: {error}",
            mail.id,
            mail.recipient
        );
        report.refused.push(format!("{}: {error}", mail.recipient));
        Settlement::Failed {
            error,
            instead: self.instead_of(mail),
        }
    }

    fn instead_of(&self, mail: &ClaimedMail) -> Option<String> {
        let team = self.rules.support_address();
        team.filter(|team| *team != mail.recipient).map(str::to_owned)
    }
}
