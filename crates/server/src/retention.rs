//! `retention.*`: retention periods, and the sweep that deletes expired data.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::Clock;
use serde::Deserialize;
use store::{Store, StoreError, retention::Kept};

/// Pause between batches, for others who need the database.
const PAUSE: Duration = Duration::from_millis(200);
/// Interval of sweeps. Every node makes them; deletion is idempotent.
const EVERY: Duration = Duration::from_secs(3600);
/// Upper bound of a retention period in days.
const LONGEST: u32 = 36_500;

/// Retention periods in days; 0 keeps data forever.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub token_counts_days: u32,
    pub mails_days: u32,
    pub webhook_deliveries_days: u32,
    pub deleted_secrets_days: u32,
}

impl Retention {
    fn kinds(self) -> [(Kept, u32); 4] {
        [
            (Kept::TokenCounts, self.token_counts_days),
            (Kept::Mails, self.mails_days),
            (Kept::WebhookDeliveries, self.webhook_deliveries_days),
            (Kept::DeletedSecrets, self.deleted_secrets_days),
        ]
    }

    /// Whether a period is invalid. Mails are kept for at least 30 days, as failures of that time are shown.
    pub fn is_wrong(self) -> bool {
        let too_long = self.kinds().iter().any(|(_, days)| *days > LONGEST);
        too_long || (1..31).contains(&self.mails_days)
    }
}

/// Sweeps at start-up and then every hour.
pub fn spawn(retention: Retention, store: Store, clock: Arc<dyn Clock>) {
    actix_web::rt::spawn(async move {
        loop {
            for (kept, days) in retention.kinds().into_iter().filter(|(_, days)| *days > 0) {
                let age = TimeDelta::days(days.into());
                match sweep(&store, &*clock, (kept, age)).await {
                    Ok(0) => {}
                    Ok(rows) => {
                        log::info!("retention: {kept:?} older than {days} days forgotten, {rows} rows")
                    }
                    Err(error) => {
                        log::warn!("retention: {kept:?} can't be swept now, the next sweep goes on: {error}")
                    }
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

async fn sweep(
    store: &Store,
    clock: &dyn Clock,
    (kept, age): (Kept, TimeDelta),
) -> Result<usize, StoreError> {
    let mut all = 0;
    loop {
        let rows = store.forget(kept, age, clock.now()).await?;
        if rows == 0 {
            return Ok(all);
        }
        all += rows;
        tokio::time::sleep(PAUSE).await;
    }
}
