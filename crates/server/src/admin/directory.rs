//! Organisations; enabling and disabling organisations, applications and people.

use clap::{Args, Subcommand, ValueEnum};
use management::{
    organisations::{ChangedOrganisation, NewOrganisation},
    policies::ChangedPolicy,
    users::ChangedUser,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Shell, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Add an organisation.
    #[command(
        after_help = "Example:\n  wmda-auth admin create-organisation --name 'Example Registry' --country-code NL"
    )]
    CreateOrganisation {
        /// Unique.
        #[arg(long)]
        name: String,
        /// Two upper-case letters (ISO 3166-1).
        #[arg(long)]
        country_code: String,
    },
    /// Change name or country of an organisation.
    ChangeOrganisation {
        /// Its id.
        organisation: Uuid,
        /// Unique.
        #[arg(long)]
        name: Option<String>,
        /// Two upper-case letters (ISO 3166-1).
        #[arg(long)]
        country_code: Option<String>,
    },
    /// Show what binds an organisation's credentials, or change it; what is left out stays.
    #[command(
        after_help = "Example:\n  wmda-auth admin policy ORGANISATION_ID --max-lifetime-days 90 --self-rotation required\n  wmda-auth admin policy ORGANISATION_ID --keys-only true"
    )]
    Policy(PolicyArguments),
    /// Enable an organisation, an application or a user.
    Enable {
        /// What it is.
        kind: Switched,
        /// Its id.
        id: Uuid,
    },
    /// Disable an organisation, an application or a user; tokens stop on every node before this ends.
    #[command(after_help = "Example:\n  wmda-auth admin disable application CLIENT_ID")]
    Disable {
        /// What it is.
        kind: Switched,
        /// Its id.
        id: Uuid,
    },
}

#[derive(Args)]
pub struct PolicyArguments {
    /// Its id.
    organisation: Uuid,
    /// The longest life of a new credential, 1 to 365; 0 lifts the demand.
    #[arg(long)]
    max_lifetime_days: Option<u32>,
    /// How many live credentials an application may have; 0 lifts the demand.
    #[arg(long)]
    max_live_secrets: Option<i64>,
    /// Whether new secrets are refused.
    #[arg(long)]
    keys_only: Option<bool>,
    /// off, allowed or required.
    #[arg(long)]
    self_rotation: Option<String>,
    /// Whether each application works from listed networks only.
    #[arg(long)]
    networks_required: Option<bool>,
    /// suspend or delete.
    #[arg(long)]
    on_leak: Option<String>,
}

impl PolicyArguments {
    /// The change to make; `None` only shows the policy.
    fn change(self) -> Option<ChangedPolicy> {
        let asked = self.max_lifetime_days.is_some()
            || self.max_live_secrets.is_some()
            || self.keys_only.is_some()
            || self.self_rotation.is_some()
            || self.networks_required.is_some()
            || self.on_leak.is_some();
        asked.then_some(ChangedPolicy {
            max_lifetime_days: self
                .max_lifetime_days
                .map(|days| Some(days).filter(|days| *days > 0)),
            max_live_secrets: self
                .max_live_secrets
                .map(|live| Some(live).filter(|live| *live > 0)),
            keys_only: self.keys_only,
            self_rotation: self.self_rotation,
            networks_required: self.networks_required,
            on_leak: self.on_leak,
        })
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Switched {
    Organisation,
    Application,
    User,
}

impl Shell {
    pub(super) async fn directory(&self, command: Command) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match command {
            Command::CreateOrganisation { name, country_code } => {
                let new = NewOrganisation { name, country_code };
                value(service.create_organisation(allowed, new).await?)
            }
            Command::ChangeOrganisation {
                organisation,
                name,
                country_code,
            } => {
                let change = ChangedOrganisation {
                    name,
                    country_code,
                    enabled: None,
                };
                value(service.change_organisation(allowed, organisation, change).await?)
            }
            Command::Policy(arguments) => {
                let organisation = arguments.organisation;
                value(match arguments.change() {
                    Some(change) => service.change_policy(allowed, organisation, change).await?,
                    None => service.policy(allowed, organisation).await?,
                })
            }
            Command::Enable { kind, id } => self.switch(kind, id, true).await,
            Command::Disable { kind, id } => self.switch(kind, id, false).await,
        }
    }

    async fn switch(&self, kind: Switched, id: Uuid, enabled: bool) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match kind {
            Switched::Organisation => value(service.switch_organisation(allowed, id, enabled).await?),
            Switched::Application => value(service.switch_application(allowed, id, enabled).await?),
            Switched::User => {
                let change = ChangedUser {
                    enabled: Some(enabled),
                    ..ChangedUser::default()
                };
                value(service.change_user(allowed, id, change).await?)
            }
        }
    }
}
