//! Creates, suspends, restores and deletes credentials as the management routes do: commit, wait out the lease,
//! answer.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, pepper::Pepper};
use store::{
    NewClientSecret, Store, StoreError,
    client_secrets::{NoticeRecipients, SecretLimits},
    memory::ClientMemory,
};
use uuid::Uuid;

use super::{
    Stop,
    credentials::NewCredential,
    history::{Credential, History},
    nodes::Site,
    random::Random,
};
use crate::support::secrets::entry;

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What a deletion waits for between its commit and its answer.
#[derive(Clone, Copy)]
pub enum Wait {
    /// As the product does.
    Settled,
    /// Broken on purpose: only this long.
    Only(Duration),
}

pub struct Deleter {
    store: Store,
    memory: ClientMemory,
    wait: Wait,
    pepper: Pepper,
    applications: Vec<(Uuid, String)>,
}

impl Deleter {
    pub fn new(site: &Site, wait: Wait) -> Self {
        let store = site.store();
        // The nodes' lease is not passed on: the deleter learns it from the database.
        let clock = Arc::new(RealClock(Instant::now()));
        Self {
            memory: ClientMemory::new(store.clone(), clock, Duration::from_millis(1), Uuid::from_u128(1)),
            store,
            wait,
            pepper: site.pepper(),
            applications: site.applications.clone(),
        }
    }

    pub fn work(&self, history: &History, stop: &Stop, mut random: Random) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        while !stop.is_set() {
            let credentials: Vec<Arc<Credential>> = (0..1 + random.below(3))
                .map(|_| runtime.block_on(self.create(history, &mut random)))
                .collect();
            thread::sleep(random.millis(100, 1500));
            if random.below(2) == 0 {
                runtime.block_on(self.suspend(history, &credentials[0]));
                thread::sleep(random.millis(50, 700));
                runtime.block_on(self.restore(history, &credentials[0]));
                thread::sleep(random.millis(50, 700));
            }
            for credential in credentials {
                runtime.block_on(self.delete(history, &credential));
            }
        }
    }

    async fn create(&self, history: &History, random: &mut Random) -> Arc<Credential> {
        let application = &self.applications[random.below(self.applications.len())];
        let NewCredential {
            kind,
            hint,
            proof,
            way,
        } = NewCredential::any(application, &self.pepper, random);
        let (id, client_id) = (Uuid::parse_str(&uuid_text(random)).unwrap(), application.0);
        let new = NewClientSecret {
            id,
            client_id,
            name: "experiment".to_owned(),
            hint,
            proof,
            created_by: "experiment".to_owned(),
            created_at: Utc::now(),
            expires_at: Utc::now() + TimeDelta::days(1),
            replaces: None,
        };
        // Busy leaves the outcome unknown, as a 503 does: repeat until it is known.
        while let Err(error) = self
            .store
            .create_secret(new.clone(), SecretLimits::NONE, entry(&self.pepper))
            .await
        {
            match error {
                StoreError::Conflict => break,
                StoreError::Busy => {}
                other => panic!("{other}"),
            }
        }
        history.created(Credential::new((id, client_id), kind, way))
    }

    async fn delete(&self, history: &History, credential: &Credential) {
        history.deletion_begins(credential);
        let which = (credential.kind, credential.client_id, credential.id);
        let delete = || {
            self.store
                .delete_credential(which, NoticeRecipients::Nobody, Utc::now(), entry(&self.pepper))
        };
        while let Err(error) = delete().await {
            match error {
                StoreError::Missing => break,
                StoreError::Busy => {}
                other => panic!("{other}"),
            }
        }
        self.wait().await;
        history.deletion_answered(credential);
    }

    async fn suspend(&self, history: &History, credential: &Credential) {
        history.suspension_begins(credential);
        // The longest suspension: the nodes' wall clocks are stepped, and its end depends on them.
        self.set_suspension(credential, Some(Utc::now() + TimeDelta::days(7)))
            .await;
        history.suspension_answered(credential);
    }

    async fn restore(&self, history: &History, credential: &Credential) {
        history.restoration_begins(credential);
        self.set_suspension(credential, None).await;
        history.restored(credential);
    }

    async fn set_suspension(&self, credential: &Credential, until: Option<DateTime<Utc>>) {
        let which = (credential.kind, credential.client_id, credential.id);
        let set = || {
            self.store
                .suspend_credential(which, until, Utc::now(), entry(&self.pepper))
        };
        while let Err(error) = set().await {
            assert!(matches!(error, StoreError::Busy), "{error}");
        }
        self.wait().await;
    }

    async fn wait(&self) {
        match self.wait {
            Wait::Settled => while self.memory.settle().await.is_err() {},
            Wait::Only(time) => tokio::time::sleep(time).await,
        }
    }
}

fn uuid_text(random: &mut Random) -> String {
    let mut digits = || random.below(0x1_0000_0000) as u64;
    let (high, low) = (digits() << 32 | digits(), digits() << 32 | digits());
    Uuid::from_u64_pair(high ^ u64::from(std::process::id()), low).to_string()
}
