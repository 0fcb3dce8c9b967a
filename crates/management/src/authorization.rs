//! Authorization: asks `domain::policy` for a decision, and audits a denial.

use domain::{
    audit::{Entry, Outcome, Source},
    audit_action::AuditAction,
    policy::{Denial, Permission, Principal},
};
use uuid::Uuid;

use crate::{http::problem::Problem, state::Management};

/// Proof of an authorization decision; nothing else creates one.
#[derive(Debug)]
pub struct Allowed {
    pub(crate) actor: String,
    pub(crate) source: String,
    pub(crate) principal: Principal,
}

impl Management {
    /// Decides, and audits a denial, unless the person exceeds the rate limit of denials.
    pub(crate) async fn authorize(
        &self,
        (principal, source): (Principal, Source),
        permission: Permission,
        application: Option<Uuid>,
    ) -> Result<Allowed, Problem> {
        let decision = principal.require(permission, application);
        let allowed = Allowed {
            actor: principal.email.clone(),
            source: source.0.to_string(),
            principal,
        };
        let Err(denial) = decision else {
            return Ok(allowed);
        };
        self.change_limiter.admit(&allowed.principal)?;
        let object = application.map_or_else(|| "-".to_owned(), |id| format!("application/{id}"));
        let who = (allowed.actor.as_str(), allowed.source.as_str());
        self.store
            .record(self.entry(who, permission.action(), object, Outcome::Denied))
            .await?;
        Err(match denial {
            Denial::Forbidden => Problem::Forbidden("your role does not allow this; ask the WMDA team"),
            Denial::Invisible => Problem::NotFound,
        })
    }

    /// The audit entry of an authorized change.
    pub fn done(&self, allowed: &Allowed, action: AuditAction, object: impl Into<String>) -> Entry {
        self.entry((&allowed.actor, &allowed.source), action, object, Outcome::Done)
    }

    /// Authorization of a command on the server's machine: its operator counts as the WMDA team.
    pub fn operator(&self, name: &str) -> Allowed {
        let principal = Principal {
            user_id: Uuid::nil(),
            email: format!("command line ({name})"),
            roles: vec![domain::policy::Role::Admin],
            manages: Vec::new(),
        };
        Allowed {
            actor: principal.email.clone(),
            source: "command line".to_owned(),
            principal,
        }
    }
}
