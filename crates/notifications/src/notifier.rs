//! A pass: plan due reminders, then deliver the outbox. Nodes may do so concurrently.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::Clock;
use store::{Store, StoreError, failed_mails::Resent, outbox::Plan, secret_facts::SecretFacts};
use uuid::Uuid;

use crate::{Composer, HookSender, SendFailure, Transport, compose::ComposeError, rules::Rules};

/// Secrets planned per transaction.
const BATCH: i64 = 50;

/// Plans and delivers mails and webhooks.
pub struct Notifier {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Rules,
    pub(crate) composer: Composer,
    pub(crate) transport: Transport,
    pub(crate) hooks: HookSender,
    stopping: AtomicBool,
    /// Locked while mails are planned and delivered.
    passing: tokio::sync::Mutex<()>,
}

/// The result of a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Secrets for which a reminder was planned.
    pub planned: usize,
    /// Mails sent.
    pub sent: usize,
    /// Mails whose reason was gone.
    pub suppressed: usize,
    /// Mails with a temporary failure.
    pub put_off: usize,
    /// Mails with a permanent failure: recipient and reason.
    pub refused: Vec<String>,
    /// Webhook deliveries.
    pub hooks: usize,
    /// What prevents all delivery.
    pub trouble: Option<String>,
}

impl Notifier {
    /// Builds the notifier from its parts.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        rules: Rules,
        (composer, transport): (Composer, Transport),
        hooks: HookSender,
    ) -> Self {
        Self {
            store,
            clock,
            rules,
            composer,
            transport,
            hooks,
            stopping: AtomicBool::new(false),
            passing: tokio::sync::Mutex::default(),
        }
    }

    /// Plans and delivers mails and webhooks.
    pub async fn pass(&self) -> Result<Report, StoreError> {
        let mut report = self.pass_mails().await?;
        report.hooks = self.deliver_hooks().await?;
        Ok(report)
    }

    /// Plans, then delivers mails. A failure in planning does not delay pending mails.
    pub async fn pass_mails(&self) -> Result<Report, StoreError> {
        let _passing = self.passing.lock().await;
        let planned = self.plan_due().await;
        let mut report = self.deliver().await?;
        report.planned = planned?;
        Ok(report)
    }

    /// Starts no further mail, and waits for the one in progress: a mail sent but not settled would be sent twice.
    /// down as sent goes out twice.
    pub async fn finish(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(self.passing.lock().await);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Plans due reminders into the outbox.
    pub async fn plan_due(&self) -> Result<usize, StoreError> {
        let now = self.now();
        let mut planned = 0;
        for due in self.rules.due(now) {
            loop {
                let found = self.store.due_secrets(due, now, BATCH).await?;
                let full = found.len() == usize::try_from(BATCH).unwrap_or_default();
                let plans: Vec<Plan> = found
                    .iter()
                    .map(|facts| self.rules.plan(due, facts, now))
                    .collect();
                let notified: HashSet<Uuid> = plans
                    .iter()
                    .filter(|plan| says(plan))
                    .map(|plan| plan.secret_id)
                    .collect();
                let made = self.store.plan(plans, now).await?;
                planned += made.iter().filter(|id| notified.contains(id)).count();
                // If another node has planned all of them, that node continues.
                if !full || made.is_empty() {
                    break;
                }
            }
        }
        Ok(planned)
    }

    /// What a pass would plan now; a dry run.
    pub async fn preview(&self) -> Result<Vec<(Plan, SecretFacts)>, StoreError> {
        let now = self.now();
        let (mut all, mut known) = (Vec::new(), HashSet::new());
        for due in self.rules.due(now) {
            for facts in self.store.due_secrets(due, now, i64::MAX).await? {
                let plan = self.rules.plan(due, &facts, now);
                if known.insert(plan.secret_id) && says(&plan) {
                    all.push((plan, facts));
                }
            }
        }
        Ok(all)
    }

    /// Queues recently failed mails again; the next pass sends those whose reason still holds.
    pub async fn resend_failed(&self) -> Result<Resent, StoreError> {
        self.store.resend_failed_mails(self.now()).await
    }

    /// Sends a test mail.
    pub async fn send_test(&self, id: Uuid, recipient: &str) -> Result<(), TestFailure> {
        let message = self.composer.test_mail(id, recipient, self.now())?;
        Ok(self.transport.send(message, &format!("test-{id}")).await?)
    }

    /// The current time, truncated to what both databases store.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(3)
    }
}

/// Exponential back-off after this many attempts: 1, 2, 4 … minutes.
pub(crate) fn backoff(attempts: i32) -> TimeDelta {
    TimeDelta::minutes(1 << attempts.clamp(0, 20))
}

/// Whether the plan sends anything: a skipped threshold is only marked.
fn says(plan: &Plan) -> bool {
    !plan.recipients.is_empty() || !plan.suppressed.is_empty()
}

/// Why a test mail failed.
#[derive(Debug, thiserror::Error)]
pub enum TestFailure {
    /// It could not be composed.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// It could not be sent.
    #[error(transparent)]
    Send(#[from] SendFailure),
}
