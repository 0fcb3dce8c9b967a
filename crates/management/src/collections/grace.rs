//! Grace period: the WMDA team extends a secret that is in use without a successor on its last day by some hours,
//! once.

use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use domain::{audit_action::AuditAction, policy::Permission};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    collections::secrets::{SecretView, object},
    documentation::openapi::Problems,
    http::{
        answer::ok,
        body::{Body, id},
        caller::Caller,
        problem::Problem,
    },
    state::Management,
};

/// The longest grace period.
const LONGEST_HOURS: i64 = 72;

/// How long a secret may live on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GraceBody {
    /// 1 to 72, counted from its expiry; from now when that has passed.
    #[schema(minimum = 1, maximum = 72)]
    pub hours: i64,
}

impl Management {
    /// Grants a grace period; answers when it is in force on every node.
    pub async fn grant_grace(
        &self,
        allowed: &Allowed,
        (client_id, secret_id): (Uuid, Uuid),
        body: &GraceBody,
    ) -> Result<SecretView, Problem> {
        if !(1..=LONGEST_HOURS).contains(&body.hours) {
            let text = format!("hours lies between 1 and {LONGEST_HOURS}");
            return Err(Problem::Invalid(text));
        }
        let entry = self.done(allowed, AuditAction::SecretGrace, object(client_id, secret_id));
        let grace = TimeDelta::hours(body.hours);
        let team = self.settings.support_address.clone();
        self.store
            .grant_grace((client_id, secret_id), (grace, team), self.now(), entry)
            .await?;
        self.memory.settle().await?;
        self.secret(allowed, client_id, secret_id).await
    }
}

/// Lets a secret live on for up to 72 hours: one that is in use, has no successor and is on its last day, or expired within
/// the last three. Once for each secret. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("client_id" = Uuid, Path), ("secret_id" = Uuid, Path)), request_body = GraceBody, responses((status = 200, body = SecretView), Problems))]
#[post("/applications/{client_id}/secrets/{secret_id}/grace")]
pub(crate) async fn grant(
    caller: Caller,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (client_id, secret_id) = (id(&path.0)?, id(&path.1)?);
    let allowed = caller.may_with(Permission::GrantGrace, client_id).await?;
    let body = body.parse()?;
    ok(caller
        .service
        .grant_grace(&allowed, (client_id, secret_id), &body)
        .await)
}
