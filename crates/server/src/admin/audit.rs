//! The audit trail: export and check.

use clap::{Args, Subcommand};
use management::audit_events::AuditQuery;
use serde_json::{Value, json};
use store::audit::AuditVerdict;

use super::{Shell, print};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Print the audit trail as JSON lines: all of it, oldest first, or what the filters name, newest first.
    #[command(
        after_help = "Examples:\n  wmda-auth admin audit-events > audit.jsonl\n  wmda-auth admin audit-events --actor m@example.org --outcome denied\n  wmda-auth admin audit-events --object application/CLIENT_ID/secret/SECRET_ID"
    )]
    AuditEvents(Filter),
    /// Follow the chain of the audit trail; fails when it was tampered with.
    VerifyAudit,
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
            Command::VerifyAudit => self.verify_audit().await,
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

    async fn verify_audit(&self) -> Outcome<Value> {
        match self.service.verify_audit(&self.allowed).await? {
            AuditVerdict::Whole(events) => Ok(json!({ "events": events, "whole": true })),
            AuditVerdict::Broken(at) => {
                Err(format!("the audit trail was tampered with at event {at}").into())
            }
            AuditVerdict::Shortened(ends, ended) => Err(format!(
                "the audit trail ends at event {ends}, but the journal knows that it went on to {ended}: events were cut off, or the \
                 database was restored"
            )
            .into()),
            AuditVerdict::UnknownKey(at) => {
                Err(format!("event {at} was chained under a version that the pepper file lacks").into())
            }
        }
    }
}
