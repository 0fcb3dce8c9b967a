//! The allowed networks of an application, and the networks from which it obtained tokens.

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use domain::{
    audit_action::AuditAction,
    networks::{self, IpNet, MOST, NetworkVerdict, NetworksMode, proposed},
    policy::Permission,
};
use serde::Serialize;
use store::{SeenNetwork, networks::NetworksChange};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorization::Allowed,
    documentation::openapi::Problems,
    http::{answer::ok, body::id, caller::Caller, problem::Problem},
    state::Management,
};

/// From where an application's credentials work, and from where it got tokens.
#[derive(Serialize, ToSchema)]
pub struct NetworksView {
    /// `off`, `report` (requests from elsewhere are recorded) or `enforce` (they are refused).
    pub networks_mode: &'static str,
    /// From where its credentials work.
    pub allowed_networks: Vec<String>,
    /// From where it got tokens in the last 30 days, the latest first.
    pub seen_networks: Vec<SeenNetworkView>,
    /// What `allowed_networks` could be by what was seen; look at each before you take it over.
    pub proposed_networks: Vec<String>,
}

/// A network from which an application got tokens.
#[derive(Serialize, ToSchema)]
pub struct SeenNetworkView {
    /// An IPv4 address, or an IPv6 network of 64 bits.
    pub network: String,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// How many tokens went there.
    pub tokens: i64,
    /// Whether it is one of the allowed networks.
    pub is_allowed: bool,
}

impl Management {
    /// The networks of an application.
    pub async fn networks(&self, _: &Allowed, client_id: Uuid) -> Result<NetworksView, Problem> {
        let application = self.store.application(client_id).await?;
        let mut allowed = application.ok_or(Problem::NotFound)?.networks;
        let seen = self.store.seen_networks(client_id, self.now()).await?;
        let addresses: Vec<_> = seen.iter().map(|one| one.network).collect();
        let networks_mode = allowed.mode.as_str();
        // Whether an address is listed does not depend on the mode.
        allowed.mode = NetworksMode::Enforce;
        let view = |one: SeenNetwork| SeenNetworkView {
            network: match one.network.is_ipv6() {
                true => format!("{}/64", one.network),
                false => one.network.to_string(),
            },
            first_seen_at: one.first_at,
            last_seen_at: one.last_at,
            tokens: one.tokens,
            is_allowed: allowed.verdict(one.network) == NetworkVerdict::Inside,
        };
        Ok(NetworksView {
            networks_mode,
            seen_networks: seen.into_iter().map(view).collect(),
            proposed_networks: texts(&proposed(&addresses)),
            allowed_networks: texts(&allowed.networks),
        })
    }

    /// Changes the networks of an application; answers when they are in force on every node.
    pub(crate) async fn change_networks(
        &self,
        allowed: &Allowed,
        client_id: Uuid,
        (mode, named): (Option<String>, Option<Vec<String>>),
    ) -> Result<(), Problem> {
        let mode = mode.map(|mode| mode.parse()).transpose();
        let mode =
            mode.map_err(|unknown: domain::resource::Unknown| Problem::Invalid(unknown.to_string()))?;
        let change = NetworksChange {
            mode,
            networks: named.as_deref().map(parsed).transpose()?,
        };
        let entry = self.done(
            allowed,
            AuditAction::ApplicationNetworks,
            format!("application/{client_id}"),
        );
        self.store.change_networks(client_id, change, entry).await?;
        Ok(self.memory.settle().await?)
    }
}

pub(crate) fn texts(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

fn parsed(named: &[String]) -> Result<Vec<IpNet>, Problem> {
    if named.len() > MOST {
        return Err(Problem::Invalid(format!(
            "allowed_networks has at most {MOST} entries"
        )));
    }
    let mut parsed = Vec::with_capacity(named.len());
    for (text, number) in named.iter().zip(0..) {
        let network = networks::parse(text)
            .map_err(|error| Problem::Invalid(format!("allowed_networks[{number}]: {error}")))?;
        if !parsed.contains(&network) {
            parsed.push(network);
        }
    }
    Ok(parsed)
}

/// Shows the networks from which an application's credentials work, those from which it got tokens in the last 30 days, and a
/// proposal made of these. Roles: admin, auditor, its credential managers.
#[utoipa::path(tag = "Applications", params(("client_id" = Uuid, Path)), responses((status = 200, body = NetworksView), Problems))]
#[get("/applications/{client_id}/networks")]
pub(crate) async fn show(caller: Caller, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let client_id = id(&path)?;
    let allowed = caller.may_with(Permission::ReadApplication, client_id).await?;
    ok(caller.service.networks(&allowed, client_id).await)
}
