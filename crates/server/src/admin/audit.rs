//! The audit trail: export, check and seal.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use management::audit_events::AuditQuery;
use serde_json::{Value, json};
use store::audit::{Anchor, AuditVerdict};

use super::{Shell, print};
use crate::{
    Outcome,
    anchor::{self, AnchorFile},
};

#[derive(Subcommand)]
pub enum Command {
    /// Print the audit trail as JSON lines: all of it, oldest first, or what the filters name, newest first.
    #[command(
        after_help = "Examples:\n  wmda-auth admin audit-events > audit.jsonl\n  wmda-auth admin audit-events --actor m@example.org --outcome denied\n  wmda-auth admin audit-events --object application/CLIENT_ID/secret/SECRET_ID"
    )]
    AuditEvents(Filter),
    /// Follow the chain of the audit trail to its sealed end, and compare it with its anchors; fails when it was tampered with.
    #[command(
        after_help = "Examples:\n  wmda-auth admin verify-audit\n  wmda-auth admin verify-audit --anchor /mnt/elsewhere/audit-anchors.jsonl"
    )]
    VerifyAudit {
        /// A file of anchors, in place of the one that audit.anchor names.
        #[arg(long)]
        anchor: Option<PathBuf>,
    },
    /// Seal the end of a trail that has no seal, once after an upgrade from a version without; verify it first.
    SealAudit,
}

#[derive(Args)]
pub struct Filter {
    /// Exactly this actor: an e-mail address.
    #[arg(long)]
    actor: Option<String>,
    /// Exactly this action, such as secret.create.
    #[arg(long)]
    action: Option<String>,
    /// Exactly this object, such as `user/<id>`.
    #[arg(long)]
    object: Option<String>,
    /// done or denied.
    #[arg(long)]
    outcome: Option<String>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        [&self.actor, &self.action, &self.object, &self.outcome]
            .iter()
            .all(|one| one.is_none())
    }
}

impl Shell {
    pub(super) async fn audit(&self, command: Command) -> Outcome<Value> {
        match command {
            Command::AuditEvents(filter) if filter.is_empty() => self.whole_trail().await,
            Command::AuditEvents(filter) => self.some_events(filter).await,
            Command::VerifyAudit { anchor } => self.verify_audit(anchor).await,
            Command::SealAudit => self.seal_audit().await,
        }
    }

    async fn whole_trail(&self) -> Outcome<Value> {
        let mut last = 0;
        loop {
            let events = self.service.audit_events_after(&self.allowed, last).await?;
            let Some(newest) = events.last() else {
                return Ok(Value::Null);
            };
            last = newest.sequence;
            for event in &events {
                print::line(&serde_json::to_string(event)?)?;
            }
        }
    }

    async fn some_events(&self, filter: Filter) -> Outcome<Value> {
        let mut after = None;
        loop {
            let query = AuditQuery {
                limit: Some(200),
                after,
                actor: filter.actor.clone(),
                action: filter.action.clone(),
                object: filter.object.clone(),
                outcome: filter.outcome.clone(),
                ..AuditQuery::default()
            };
            let page = self.service.audit_events(&self.allowed, query).await?;
            for event in &page.items {
                print::line(&serde_json::to_string(event)?)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(Value::Null);
            }
        }
    }

    async fn verify_audit(&self, anchor: Option<PathBuf>) -> Outcome<Value> {
        // Read first: events anchored after this must not count against the trail.
        let path = anchor.or_else(|| self.anchor.clone());
        let anchored = path.as_deref().map(anchors).transpose()?;
        let (events, sealed) = whole(self.service.verify_audit(&self.allowed).await?)?;
        let mut outcome = json!({ "events": events, "sealed": sealed, "whole": true });
        if let Some((anchors, unreadable)) = anchored {
            outcome["anchors"] = anchors.len().into();
            outcome["unreadable_anchors"] = unreadable.into();
            let found = self.service.contradicting_anchor(&self.allowed, anchors);
            if let Some(anchor) = found.await? {
                return Err(anchor::contradiction(&anchor).into());
            }
        }
        Ok(outcome)
    }

    async fn seal_audit(&self) -> Outcome<Value> {
        match self.service.seal_audit(&self.allowed).await? {
            AuditVerdict::Unsealed(events) => Ok(json!({ "events": events, "done": true })),
            AuditVerdict::Whole { .. } => Err("the audit trail is sealed: there is nothing to do".into()),
            other => whole(other).map(|_| Value::Null).map_err(Into::into),
        }
    }
}

fn anchors(path: &Path) -> Outcome<(Vec<Anchor>, usize)> {
    let file = AnchorFile::at(path);
    let (anchors, unreadable) = file.read().map_err(|error| file.named(error))?;
    match anchors.is_empty() {
        true => Err(file.named("it holds no anchor").into()),
        false => Ok((anchors, unreadable)),
    }
}

/// The numbers of events and of sealed ones, or what is wrong.
pub fn whole(verdict: AuditVerdict) -> Result<(i64, i64), String> {
    Err(match verdict {
        AuditVerdict::Whole { events, sealed } => return Ok((events, sealed)),
        AuditVerdict::Broken(at) => format!("the audit trail was tampered with at event {at}"),
        AuditVerdict::Cut(at) => format!(
            "the audit trail was tampered with: at event {at} it is not what was sealed; its end was cut off there or before, or its \
             head was changed"
        ),
        AuditVerdict::Unsealed(events) => format!(
            "the chain of {events} events holds, but its end is not sealed: the database comes from a version without seals, or \
             somebody took the seal away. Compare with a backup or an anchor, then run `wmda-auth admin seal-audit`"
        ),
        AuditVerdict::Shortened(ends, ended) => format!(
            "the audit trail ends at event {ends}, but the journal knows that it went on to {ended}: events were cut off, or the \
             database was restored"
        ),
        AuditVerdict::UnknownKey(at) => {
            format!("event {at} was chained or sealed under a version that the pepper file lacks")
        }
    })
}
