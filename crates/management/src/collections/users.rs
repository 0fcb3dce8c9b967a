//! People: the WMDA team adds them; they set a password and an authenticator through a one-time link.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use chrono::{DateTime, Utc};
use domain::{
    audit_action::AuditAction,
    policy::{Permission, Role},
    user::{User, parse_email},
};
use serde::{Deserialize, Serialize};
use store::{outbox::MailKind, users::UserChange};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{
        answer::{created, ok},
        body::{self, Body, id, name},
        caller::Caller,
        cursor::{self, List, ListQuery},
        problem::{Problem, named_in_body},
    },
    sign_in::enrolment::{EnrolmentLink, EnrolmentOrder},
    state::Management,
};

const LIST: &str = "users";

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Unique, in any case.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub display_name: String,
    /// Where the person works; left out for the WMDA team only.
    #[serde(default)]
    pub organisation_id: Option<Uuid>,
    /// Some of `admin`, `auditor`, `credential_manager`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// `true` sends the one-time link to the person by mail instead of showing it.
    #[serde(default)]
    pub send_mail: bool,
}

/// What is wanted of a new one-time link; all may be left out, and the body too.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentReset {
    /// `true` lets the person set up a new authenticator too: only after you have made sure who asks.
    #[serde(default)]
    pub replace_authenticator: bool,
    /// `true` sends the link to the person by mail instead of showing it.
    #[serde(default)]
    pub send_mail: bool,
}

/// A change of a person; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedUser {
    /// `false` ends all sessions at once.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The new roles, all of them. Whoever loses `credential_manager` and is no admin manages nothing any more.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// 1 to 120 characters.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub display_name: Option<String>,
}

/// A person.
#[derive(Serialize, ToSchema)]
pub struct UserView {
    /// Permanent identifier.
    pub id: Uuid,
    /// Lower case, unique.
    pub email: String,
    /// As the person is called.
    pub display_name: String,
    /// Where the person works; null for the WMDA team.
    pub organisation_id: Option<Uuid>,
    /// `admin`, `auditor`, `credential_manager`.
    pub roles: Vec<String>,
    /// Whether the person may sign in.
    pub enabled: bool,
    /// Whether the person has what signing in takes: a password and an authenticator, or an identity at the OpenID
    /// provider.
    pub enrolled: bool,
    /// When the person was added.
    pub created_at: DateTime<Utc>,
}

/// A person who was just added, with the link to hand over.
#[derive(Serialize, ToSchema)]
pub struct CreatedUser {
    /// The person.
    #[serde(flatten)]
    pub user: UserView,
    /// The one-time link.
    #[serde(flatten)]
    pub link: EnrolmentLink,
}

impl UserView {
    pub(crate) fn of(user: User, enrolled: bool) -> Self {
        Self {
            enrolled,
            id: user.id,
            email: user.email,
            display_name: user.display_name,
            organisation_id: user.organisation_id,
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            enabled: user.enabled,
            created_at: user.created_at,
        }
    }
}

fn parse_roles(roles: &[String]) -> Result<Vec<Role>, Problem> {
    let parsed = roles.iter().map(|role| role.parse());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|error: domain::resource::Unknown| Problem::Invalid(error.to_string()))
}

fn parse_name(text: &str) -> Result<String, Problem> {
    name("display_name", text)
}

impl Management {
    /// Adds a person and opens an enrolment.
    pub async fn create_user(&self, allowed: &Allowed, new: NewUser) -> Result<CreatedUser, Problem> {
        let roles = parse_roles(&new.roles)?;
        let of_the_team = roles
            .iter()
            .any(|role| matches!(role, Role::Admin | Role::Auditor));
        if new.organisation_id.is_none() && !of_the_team {
            return Err(Problem::Invalid(
                "organisation_id can be left out for admin and auditor only".to_owned(),
            ));
        }
        let user = User {
            id: self.uuid()?,
            email: parse_email(&new.email).map_err(|error| Problem::Invalid(error.to_string()))?,
            display_name: parse_name(&new.display_name)?,
            organisation_id: new.organisation_id,
            roles,
            enabled: true,
            created_at: self.now(),
        };
        let entry = self.done(allowed, AuditAction::UserCreate, format!("user/{}", user.id));
        let outcome = self.store.create_user(user.clone(), entry).await;
        outcome.map_err(named_in_body("organisation"))?;
        let order = EnrolmentOrder {
            mail: new.send_mail.then_some(MailKind::Invitation),
            ..EnrolmentOrder::SHOWN
        };
        let link = self
            .open_enrolment(allowed, (user.id, &user.email), order)
            .await?;
        Ok(CreatedUser {
            user: UserView::of(user, false),
            link,
        })
    }

    /// One person.
    pub async fn user(&self, _: &Allowed, id: Uuid) -> Result<UserView, Problem> {
        let user = self.store.user(id).await?.ok_or(Problem::NotFound)?;
        let enrolled = self.store.sign_in_eligibility(vec![id]).await?.enrolled;
        Ok(UserView::of(user, enrolled.contains(&id)))
    }

    /// People by e-mail address.
    pub async fn users(&self, _: &Allowed, query: ListQuery) -> Result<List<UserView>, Problem> {
        let (limit, page) = query.page(&self.pepper, LIST)?;
        let found = self.store.users(page).await?;
        let people = found.iter().map(|user| user.id).collect();
        let enrolled = self.store.sign_in_eligibility(people).await?.enrolled;
        let views = found.into_iter().map(|user| {
            let is_enrolled = enrolled.contains(&user.id);
            UserView::of(user, is_enrolled)
        });
        let views = views.collect();
        Ok(cursor::page(
            &self.pepper,
            LIST,
            views,
            limit,
            |one: &UserView| one.email.clone(),
        ))
    }

    /// Changes a person; effective from their next request on.
    pub async fn change_user(
        &self,
        allowed: &Allowed,
        id: Uuid,
        change: ChangedUser,
    ) -> Result<UserView, Problem> {
        let change = UserChange {
            enabled: change.enabled,
            roles: change.roles.as_deref().map(parse_roles).transpose()?,
            display_name: change.display_name.as_deref().map(parse_name).transpose()?,
        };
        let action = match (&change.enabled, &change.roles, &change.display_name) {
            (Some(true), Some(_), _) => AuditAction::UserEnableAndChangeRoles,
            (Some(false), Some(_), _) => AuditAction::UserDisableAndChangeRoles,
            (Some(true), None, _) => AuditAction::UserEnable,
            (Some(false), None, _) => AuditAction::UserDisable,
            (None, Some(_), _) => AuditAction::UserChangeRoles,
            (None, None, Some(_)) => AuditAction::UserRename,
            _ => {
                return Err(Problem::Invalid(
                    "send some of enabled, roles and display_name".to_owned(),
                ));
            }
        };
        let gives_up = change.enabled == Some(false)
            || change
                .roles
                .as_ref()
                .is_some_and(|roles| !roles.contains(&Role::Admin));
        if id == allowed.principal.user_id && gives_up {
            let remedy = "you can't disable yourself or give up your admin role: ask another admin";
            return Err(Problem::Conflict(remedy.to_owned()));
        }
        // The audit trail alone must show who granted which roles to whom.
        let object = match &change.roles {
            Some(roles) => {
                let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
                format!("user/{id}/roles/{}", names.join("+"))
            }
            None => format!("user/{id}"),
        };
        let entry = self.done(allowed, action, object);
        self.store.change_user(id, change, entry).await?;
        self.user(allowed, id).await
    }
}

impl Management {
    /// Erases a disabled person's data; their actions stay in the audit trail.
    pub async fn erase_user(&self, allowed: &Allowed, id: Uuid) -> Result<(), Problem> {
        let entry = self.done(allowed, AuditAction::UserErase, format!("user/{id}"));
        Ok(self.store.erase_user(id, entry).await?)
    }

    /// Unbinds a person's identity at the OpenID provider: the next sign-in there matches them by their address.
    pub async fn unbind_identity(&self, allowed: &Allowed, id: Uuid) -> Result<(), Problem> {
        let entry = self.done(allowed, AuditAction::UserUnbindIdentity, format!("user/{id}"));
        Ok(self.store.unbind_identity(id, entry).await?)
    }
}

/// Adds a person and answers with the one-time link by which they enrol. Role: admin.
#[utoipa::path(tag = "WMDA team", request_body = NewUser, responses((status = 201, body = CreatedUser), Problems))]
#[post("/users")]
pub(crate) async fn create(caller: Caller, body: Body) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let made = caller.service.create_user(&allowed, body.parse()?).await?;
    Ok(created(&format!("/api/v1/users/{}", made.user.id), &made))
}

/// Lists people by e-mail address. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(ListQuery), responses((status = 200, body = List<UserView>), Problems))]
#[get("/users")]
pub(crate) async fn list(caller: Caller, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.users(&allowed, body::query(&request)?).await)
}

/// Shows a person. Roles: admin, auditor.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), responses((status = 200, body = UserView), Problems))]
#[get("/users/{id}")]
pub(crate) async fn show(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ReadDirectory).await?;
    ok(caller.service.user(&allowed, id(&path)?).await)
}

/// Takes the identity at the OpenID provider from a person and ends their sessions: the next sign-in there finds them by
/// their verified e-mail address again. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), responses((status = 204), Problems))]
#[delete("/users/{id}/identity")]
pub(crate) async fn unbind(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    caller.service.unbind_identity(&allowed, id(&path)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Enables, disables or renames a person, or changes their roles. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), request_body = ChangedUser, responses((status = 200, body = UserView), Problems))]
#[patch("/users/{id}")]
pub(crate) async fn update(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let change = body.parse()?;
    ok(caller.service.change_user(&allowed, id(&path)?, change).await)
}

/// Makes a new one-time link for a person who forgot the password, and lifts a lock-out of their account. The
/// authenticator stays, and is asked for, unless `replace_authenticator` says otherwise. Role: admin.
#[utoipa::path(tag = "WMDA team", params(("id" = Uuid, Path)), request_body = EnrolmentReset, responses((status = 201, body = EnrolmentLink), Problems))]
#[post("/users/{id}/enrolment")]
pub(crate) async fn reset(
    caller: Caller,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let allowed = caller.may(Permission::ManageDirectory).await?;
    let user = caller.service.user(&allowed, id(&path)?).await?;
    let wanted: EnrolmentReset = body.parse_or_default()?;
    let order = EnrolmentOrder {
        replaces_totp: wanted.replace_authenticator,
        mail: wanted.send_mail.then_some(MailKind::Reset),
        ..EnrolmentOrder::SHOWN
    };
    let link = caller
        .service
        .open_enrolment(&allowed, (user.id, &user.email), order)
        .await?;
    Ok(created(&format!("/api/v1/users/{}", user.id), &link))
}
