//! The journal of a node: attached to the store, and replayed before the first token.

use std::sync::Arc;

use store::{Store, journal::Journal};

use crate::{Outcome, configuration::Configuration, pepper_watch, prepared::Prepared};

/// Makes the store write every change to the journal too, if one is configured.
pub fn attach(store: Store, configuration: &Configuration) -> Outcome<Store> {
    let Some(url) = &configuration.journal.url else {
        return Ok(store);
    };
    let journal = Journal::open(url, &pepper_watch::host());
    Ok(store.with_journal(journal.map_err(|error| format!("journal.url: {error}"))?))
}

/// Replays the journal into a restored database, and logs the result.
pub fn replay(prepared: &Prepared) -> Outcome<()> {
    let key = Arc::new(prepared.pepper.current_audit_key());
    let Some(replayed) = prepared.store.replay_journal(key, prepared.clock.now())? else {
        return Ok(());
    };
    if let Some((ends, ended)) = replayed.cut {
        log::error!(
            "the database is older than the journal: its audit trail ends at event {ends}, and had gone on to {ended}"
        );
    }
    for id in &replayed.deleted {
        log::warn!("journal: the credential {id} was deleted before the restore, and is again");
    }
    for (id, until) in &replayed.suspended {
        log::warn!(
            "journal: the credential {id} is suspended again, until {}",
            until.to_rfc3339()
        );
    }
    if let Some(index) = replayed.next_index {
        log::warn!("journal: status indexes go on at {index}, so that none is given twice");
    }
    for change in &replayed.lost {
        log::error!("journal: lost by the restore, to be done again where it still matters: {change}");
    }
    Ok(())
}
