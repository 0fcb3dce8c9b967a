//! Applications, their permissions, managers and secrets. Secrets are created by credential managers alone.

use chrono::{DateTime, Utc};
use clap::Subcommand;
use domain::credential::CredentialKind;
use management::{
    applications::{ChangedApplication, NewApplication},
    grace::GraceBody,
    managers::NewManager,
    permissions::NewPermission,
    suspension::SuspensionBody,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Shell, done, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Add an application; its client id is printed and never changes.
    #[command(
        after_help = "Example:\n  wmda-auth admin create-application --name Partner-NL-ExampleRegistry-SMC --organisation ORGANISATION_ID"
    )]
    CreateApplication {
        /// `Partner-<country>-<OrganisationName>-<SMC|DM>` or `PartnerAlternative-…`.
        #[arg(long)]
        name: String,
        /// The owner's id.
        #[arg(long)]
        organisation: Uuid,
        /// The identifier that the application had before, elsewhere; a new one when left out.
        #[arg(long)]
        client_id: Option<Uuid>,
    },
    /// Give an application another name; its client id stays.
    RenameApplication {
        /// The application's client id.
        application: Uuid,
        /// By the same convention.
        #[arg(long)]
        name: String,
    },
    /// Give an application tokens only with a DPoP proof (RFC 9449), on every node once this ends.
    BindTokens {
        /// The application's client id.
        application: Uuid,
        /// Let it have tokens without one, too.
        #[arg(long)]
        off: bool,
    },
    /// Grant roles on a resource to an application.
    #[command(
        after_help = "Example:\n  wmda-auth admin grant CLIENT_ID RESOURCE_ID --role Search.Read --role Search.Write"
    )]
    Grant {
        /// The application's client id.
        application: Uuid,
        /// The resource's id.
        resource: Uuid,
        /// One of the resource's roles; may be repeated.
        #[arg(long, required = true)]
        role: Vec<String>,
    },
    /// Take all roles on a resource from an application.
    Revoke {
        /// The application's client id.
        application: Uuid,
        /// The resource's id.
        resource: Uuid,
    },
    /// Say from which networks an application's credentials work.
    #[command(
        after_help = "Examples:\n  wmda-auth admin set-networks CLIENT_ID --mode report --network 192.0.2.0/24 --network 2001:db8::/48\n  wmda-auth admin set-networks CLIENT_ID --mode enforce"
    )]
    SetNetworks {
        /// The application's client id.
        application: Uuid,
        /// off, report (requests from elsewhere are recorded) or enforce (they are refused); left out, it stays.
        #[arg(long)]
        mode: Option<String>,
        /// A network or an address; all of them, in place of those before. None given, those stay.
        #[arg(long = "network")]
        networks: Vec<String>,
    },
    /// Assign a credential manager, as confirmed by the organisation.
    #[command(
        after_help = "Example:\n  wmda-auth admin assign-manager CLIENT_ID USER_ID --confirmed-by 'Head of IT' --confirmed-at 2026-11-20T10:00:00Z"
    )]
    AssignManager {
        /// The application's client id.
        application: Uuid,
        /// The person's id.
        user: Uuid,
        /// Who in the organisation confirmed it; the person when left out.
        #[arg(long)]
        confirmed_by: Option<String>,
        /// When (RFC 3339); now when left out.
        #[arg(long)]
        confirmed_at: Option<DateTime<Utc>>,
    },
    /// End an assignment.
    RemoveManager {
        /// The application's client id.
        application: Uuid,
        /// The person's id.
        user: Uuid,
    },
    /// Delete a secret in an emergency; tokens stop on every node before this ends.
    DeleteSecret {
        /// The application's client id.
        application: Uuid,
        /// The secret's id, as `list secrets` shows it.
        secret: Uuid,
    },
    /// Suspend a secret in an emergency, or put it back; no node accepts it, or none refuses it, once this ends.
    #[command(
        after_help = "Example:\n  wmda-auth admin suspend-secret CLIENT_ID SECRET_ID --until 2027-06-30T12:00:00Z\n  wmda-auth admin suspend-secret CLIENT_ID SECRET_ID --end"
    )]
    SuspendSecret {
        /// The application's client id.
        application: Uuid,
        /// The secret's id, as `list secrets` shows it.
        secret: Uuid,
        /// RFC 3339, 10 minutes to 7 days from now.
        #[arg(long, required_unless_present = "end")]
        until: Option<String>,
        /// Put it back now.
        #[arg(long, conflicts_with = "until")]
        end: bool,
    },
    /// Let a secret live on, once: one that is in use, has no successor and is on its last day, or expired just now.
    #[command(after_help = "Example:\n  wmda-auth admin grant-grace CLIENT_ID SECRET_ID --hours 72")]
    GrantGrace {
        /// The application's client id.
        application: Uuid,
        /// The secret's id, as `list secrets` shows it.
        secret: Uuid,
        /// 1 to 72.
        #[arg(long)]
        hours: i64,
    },
}

impl Shell {
    pub(super) async fn applications(&self, command: Command) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match command {
            Command::CreateApplication {
                name,
                organisation,
                client_id,
            } => {
                let new = NewApplication {
                    name,
                    organisation_id: organisation,
                    client_id,
                };
                value(service.create_application(allowed, new).await?)
            }
            Command::RenameApplication { application, name } => {
                let change = ChangedApplication {
                    name: Some(name),
                    ..ChangedApplication::default()
                };
                value(service.change_application(allowed, application, change).await?)
            }
            Command::BindTokens { application, off } => {
                let change = ChangedApplication {
                    dpop_bound_access_tokens: Some(!off),
                    ..ChangedApplication::default()
                };
                value(service.change_application(allowed, application, change).await?)
            }
            Command::SetNetworks {
                application,
                mode,
                networks,
            } => {
                let change = ChangedApplication {
                    networks_mode: mode,
                    allowed_networks: Some(networks).filter(|named| !named.is_empty()),
                    ..ChangedApplication::default()
                };
                value(service.change_application(allowed, application, change).await?)
            }
            Command::Grant {
                application,
                resource: resource_id,
                role: roles,
            } => {
                let new = NewPermission { resource_id, roles };
                value(service.grant(allowed, application, new).await?)
            }
            Command::Revoke {
                application,
                resource,
            } => done(service.revoke(allowed, application, resource).await?),
            Command::AssignManager {
                application,
                user: user_id,
                confirmed_by,
                confirmed_at,
            } => {
                let new = NewManager {
                    user_id,
                    confirmed_by,
                    confirmed_at,
                };
                value(service.assign_manager(allowed, application, new).await?)
            }
            Command::RemoveManager { application, user } => {
                done(service.remove_manager(allowed, application, user).await?)
            }
            Command::DeleteSecret { application, secret } => {
                done(service.delete_secret(allowed, application, secret).await?)
            }
            // `required_unless_present` leaves no third way.
            Command::SuspendSecret {
                application,
                secret,
                until,
                end: _,
            } => {
                let which = (CredentialKind::Secret, application, secret);
                let body = SuspensionBody {
                    suspended_until: until,
                };
                service.suspend(allowed, which, &body).await?;
                value(service.secret(allowed, application, secret).await?)
            }
            Command::GrantGrace {
                application,
                secret,
                hours,
            } => {
                let body = GraceBody { hours };
                value(service.grant_grace(allowed, (application, secret), &body).await?)
            }
        }
    }
}
