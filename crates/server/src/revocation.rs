//! `wmda-auth keys revoke KID --now`: revokes a leaked signing key on every node, and prints what is left to do.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    audit::{Entry, Event, Outcome as AuditOutcome},
    audit_action::AuditAction,
    pepper::Pepper,
};
use keystore::{JWKS_MAX_AGE_SECONDS, KeyFolder, KeyFolderError, KeyState, Revoked};
use store::{Store, revoked_keys::RevokedKey};

use crate::{
    Outcome, clock, configuration::Configuration, database, keyring, preparation, runtime::block_on,
};

/// Length of an RFC 7638 SHA-256 thumbprint in base64url.
const KID_LENGTH: usize = 43;

/// Generates the successor, records the revocation in the database, and deletes the file: in this order a node always
/// has a signing key.
pub fn run(
    configuration: &Configuration,
    folder: &KeyFolder,
    (kid, operator): (&str, &str),
    now: DateTime<Utc>,
) -> Outcome<()> {
    let revoked = match folder.succeed(kid, now) {
        Ok(revoked) => Some(revoked),
        // Another node's folder may have it, or this command was run before.
        Err(KeyFolderError::Refused(_)) if is_kid(kid) => None,
        Err(error) => return Err(error.into()),
    };
    let told = tell_nodes(configuration, folder, revoked.as_ref(), (kid, operator), now);
    folder.remove(kid)?;
    if let Err(error) = told {
        return Err(format!(
            "{kid} is gone from {}, and nodes that share this folder stop using it within ten seconds. The others were not told: \
             {error}. Run the same command again when the database answers",
            configuration.keys.dir.display()
        )
        .into());
    }
    print!("{}", report(configuration, revoked.as_ref(), kid));
    for key in others(folder, now)? {
        println!("  wmda-auth keys revoke {key} --now");
    }
    Ok(())
}

fn is_kid(kid: &str) -> bool {
    let in_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    kid.len() == KID_LENGTH && kid.bytes().all(in_base64url)
}

fn tell_nodes(
    configuration: &Configuration,
    folder: &KeyFolder,
    revoked: Option<&Revoked>,
    (kid, operator): (&str, &str),
    now: DateTime<Utc>,
) -> Outcome<()> {
    let pepper = preparation::load_pepper(configuration)?;
    let store = database(configuration, &pepper)?;
    let file = revoked.and_then(|revoked| revoked.successor.as_deref());
    let random = clock::system_random();
    let successor = file.map(|file| keyring::seal(kid, (folder, file), &pepper, &*random));
    let key = RevokedKey {
        kid: kid.to_owned(),
        successor: successor.transpose()?,
    };
    let event = Event {
        at: now.trunc_subsecs(3),
        actor: format!("command line ({operator})"),
        action: AuditAction::KeyRevoke.to_string(),
        object: format!("key/{kid}"),
        source: "command line".to_owned(),
        outcome: AuditOutcome::Done.to_string(),
    };
    let entry = Entry {
        event,
        key: Arc::new(pepper.current_audit_key()),
    };
    Ok(block_on(store.revoke_key(entry, key, now))?)
}

fn database(configuration: &Configuration, pepper: &Pepper) -> Outcome<Store> {
    let store = database::open(configuration)?;
    store.verify_schema()?;
    preparation::verify_pepper(&store, pepper, configuration)?;
    Ok(store)
}

fn report(configuration: &Configuration, revoked: Option<&Revoked>, kid: &str) -> String {
    let lifetime = configuration.tokens.lifetime_seconds;
    let what = match revoked {
        None => format!("{kid} is revoked; this folder has no such key.\n"),
        Some(Revoked {
            algorithm,
            state,
            successor,
        }) => {
            let state = match state {
                KeyState::Published => "was published",
                KeyState::Active => "signed",
                KeyState::Retiring => "was retiring",
                KeyState::Removed => "was replaced long ago",
            };
            let successor = successor
                .as_ref()
                .map(|path| format!("{} signs from now on.\n", path.display()));
            format!(
                "{kid} ({algorithm}, {state}) is revoked.\n{}",
                successor.unwrap_or_default()
            )
        }
    };
    format!(
        "{what}Every node stops signing with it, and drops it from the key set and from introspection, within 10 seconds.\n\
         What validators may still believe: tokens under this key, forged ones too, until they fetch the key set again. That is up to \
         {JWKS_MAX_AGE_SECONDS} seconds where they keep it as long as it says, longer where they or a proxy keep it longer, and \
         for as long as an attacker likes where they never fetch it again: whoever has the key writes any `exp`.\n\
         What to do: tell whoever runs a downstream API to restart it or empty its cache of keys now. Tokens that were issued \
         under the key before are refused too; clients that keep them get new ones within {lifetime} seconds, or at once when \
         they ask again after a 401.\n\
         Whoever read this key could read the others in its folder. If so, revoke these as well:\n"
    )
}

fn others(folder: &KeyFolder, now: DateTime<Utc>) -> Outcome<Vec<String>> {
    let set = folder.load_any()?;
    let alive = set.states(now).filter(|(_, state)| *state != KeyState::Removed);
    Ok(alive.map(|(key, _)| key.kid.clone()).collect())
}
