//! One pass: plan what is due, then deliver what the outbox holds. Nodes may do so at the same time.

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

/// How many secrets one transaction plans.
const BATCH: i64 = 50;

/// Plans and delivers.
pub struct Notifier {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Rules,
    pub(crate) composer: Composer,
    pub(crate) transport: Transport,
    pub(crate) hooks: HookSender,
    stopping: AtomicBool,
    /// Held while mails are planned and sent.
    passing: tokio::sync::Mutex<()>,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Secrets for which something was planned.
    pub planned: usize,
    /// Mails sent.
    pub sent: usize,
    /// Mails that had no reason any more.
    pub suppressed: usize,
    /// Mails put off.
    pub put_off: usize,
    /// Mails refused for good: to whom, and why.
    pub refused: Vec<String>,
    /// Webhook deliveries made.
    pub hooks: usize,
    /// What keeps any mail from leaving.
    pub trouble: Option<String>,
}

impl Notifier {
    /// Puts the parts together.
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

    /// Plans and delivers, mails and webhooks.
    pub async fn pass(&self) -> Result<Report, StoreError> {
        let mut report = self.pass_mails().await?;
        report.hooks = self.deliver_hooks().await?;
        Ok(report)
    }

    /// Plans, then delivers mails. What can't be planned holds up no mail that is waiting.
    pub async fn pass_mails(&self) -> Result<Report, StoreError> {
        let _passing = self.passing.lock().await;
        let planned = self.plan_due().await;
        let mut report = self.deliver().await?;
        report.planned = planned?;
        Ok(report)
    }

    /// Begins no other mail, and waits for the end of the one that is under way: a mail that was sent and not written
    /// down as sent goes out twice.
    pub async fn finish(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        drop(self.passing.lock().await);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Puts what is due into the outbox.
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
                let told: HashSet<Uuid> = plans
                    .iter()
                    .filter(|plan| says(plan))
                    .map(|plan| plan.secret_id)
                    .collect();
                let made = self.store.plan(plans, now).await?;
                planned += made.iter().filter(|id| told.contains(id)).count();
                // Where another node was faster for all of them, it goes on with the rest.
                if !full || made.is_empty() {
                    break;
                }
            }
        }
        Ok(planned)
    }

    /// What a pass would plan now; changes nothing.
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

    /// Puts mails that were given up lately into the outbox again; the next pass sends what still has a reason.
    pub async fn resend_failed(&self) -> Result<Resent, StoreError> {
        self.store.resend_failed_mails(self.now()).await
    }

    /// Sends a mail that shows that mail works.
    pub async fn send_test(&self, id: Uuid, recipient: &str) -> Result<(), TestFailure> {
        let message = self.composer.test_mail(id, recipient, self.now())?;
        Ok(self.transport.send(message, &format!("test-{id}")).await?)
    }

    /// Now, as both databases keep it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(3)
    }
}

/// The pause after so many attempts before: 1, 2, 4 … minutes.
pub(crate) fn backoff(attempts: i32) -> TimeDelta {
    TimeDelta::minutes(1 << attempts.clamp(0, 20))
}

/// A threshold that is skipped is marked, and told to nobody.
fn says(plan: &Plan) -> bool {
    !plan.recipients.is_empty() || !plan.suppressed.is_empty()
}

/// Why a test mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum TestFailure {
    /// It could not be written.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// It could not be sent.
    #[error(transparent)]
    Send(#[from] SendFailure),
}
