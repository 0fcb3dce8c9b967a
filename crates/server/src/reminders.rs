//! Wiring and schedule of the notifier in `serve`.

use std::{sync::Arc, time::Duration};

use notifications::{Composer, HookSender, HookSettings, Notifier, Report, rules::Rules};

use crate::{
    Outcome,
    configuration::{Configuration, Mail},
    mail::{from, sent_where, support_address, transport, warnings},
    prepared::Prepared,
};

/// How long shutdown waits for a mail.
const LAST_MAIL: Duration = Duration::from_secs(10);

/// Builds the notifier; must be called within the runtime, which the mail server's connection pool needs.
pub fn notifier(configuration: &Configuration, prepared: &Prepared, public_url: String) -> Outcome<Notifier> {
    let mail = &configuration.mail;
    let pepper = Arc::clone(&prepared.pepper);
    let support = support_address(mail)?;
    let rules = Rules::new(mail.thresholds_days.clone(), support.clone())?
        .with_mails_per_hour(configuration.limits.mails_per_hour);
    let from = from(mail, &public_url);
    let composer = Composer::new(&from, public_url, support, Arc::clone(&pepper))
        .map_err(|error| format!("mail.from: {error}"))?;
    let settings = HookSettings {
        allow_private: configuration.webhooks.allow_private,
    };
    Ok(Notifier::new(
        prepared.store.clone(),
        Arc::clone(&prepared.clock),
        rules,
        (composer, transport(mail)?),
        HookSender::new(settings, pepper)?,
    ))
}

/// Starts periodic passes on every node; the outbox ensures that only one sends each mail. Webhooks have a task of
/// their own, so that a slow receiver delays no mail.
pub fn spawn(notifier: &Arc<Notifier>, mail: &Mail) {
    warnings(mail).iter().for_each(|warning| log::warn!("{warning}"));
    let every = Duration::from_secs(mail.interval_seconds);
    let (mails, hooks) = (Arc::clone(notifier), Arc::clone(notifier));
    let sent = sent_where(mail);
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            tell(mails.pass_mails().await, &sent);
        }
    });
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = hooks.deliver_hooks().await {
                log::error!("webhooks can't be told now, the next pass tries again: {error}");
            }
        }
    });
}

fn tell(outcome: Result<Report, store::StoreError>, sent: &str) {
    match outcome {
        Ok(report) if report == Report::default() => {}
        Ok(report) => log::info!(
            "reminders: {} planned, {} {sent}, {} put off, {} refused",
            report.planned,
            report.sent,
            report.put_off,
            report.refused.len()
        ),
        Err(error) => log::error!("reminders can't be looked after now, the next pass tries again: {error}"),
    }
}

/// Waits for the mail in progress, for a limited time.
pub async fn finish(notifier: &Notifier) {
    if tokio::time::timeout(LAST_MAIL, notifier.finish()).await.is_err() {
        log::warn!("a mail was still under way at the end and may go out twice");
    }
}
