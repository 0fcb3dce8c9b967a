//! People: add, enrol, change.

use clap::Subcommand;
use management::{
    enrolment::EnrolmentOrder,
    users::{ChangedUser, NewUser},
};
use serde_json::Value;
use store::outbox::MailKind;
use uuid::Uuid;

use super::{Shell, done, value};
use crate::Outcome;

#[derive(Subcommand)]
pub enum Command {
    /// Add a person; prints a one-time enrolment link that works for 72 hours, and for 15 minutes after its first use.
    #[command(
        after_help = "Example:\n  wmda-auth admin create-user --email you@wmda.info --display-name 'Your Name' --role admin"
    )]
    CreateUser {
        /// The address that the person signs in with.
        #[arg(long)]
        email: String,
        /// As the person is called.
        #[arg(long)]
        display_name: String,
        /// Where the person works (id); left out for the WMDA team only.
        #[arg(long)]
        organisation: Option<Uuid>,
        /// admin, auditor or credential_manager; may be repeated.
        #[arg(long)]
        role: Vec<String>,
        /// Send the link to the person by mail instead of printing it.
        #[arg(long)]
        send_mail: bool,
    },
    /// Print a new one-time link for a person who forgot the password; the authenticator stays.
    Enrol {
        /// The person's id.
        user: Uuid,
        /// Let the person set up a new authenticator too: only after you have made sure who asks.
        #[arg(long)]
        replace_authenticator: bool,
        /// Send the link to the person by mail instead of printing it.
        #[arg(long)]
        send_mail: bool,
    },
    /// Replace all roles of a person.
    SetRoles {
        /// The person's id.
        user: Uuid,
        /// admin, auditor or credential_manager; may be repeated; none takes all away.
        #[arg(long)]
        role: Vec<String>,
    },
    /// Give a person another display name.
    RenameUser {
        /// The person's id.
        user: Uuid,
        /// As the person is called.
        #[arg(long)]
        display_name: String,
    },
    /// Forget who a disabled person was: address and name become a pseudonym. The audit trail keeps the address. There is no way back.
    EraseUser {
        /// The person's id.
        user: Uuid,
    },
    /// Take the identity at the OpenID provider from a person: the next sign-in there binds anew, by e-mail address.
    UnbindIdentity {
        /// The person's id.
        user: Uuid,
    },
}

impl Shell {
    pub(super) async fn people(&self, command: Command) -> Outcome<Value> {
        let (service, allowed) = (&self.service, &self.allowed);
        match command {
            Command::CreateUser {
                email,
                display_name,
                organisation: organisation_id,
                role: roles,
                send_mail,
            } => {
                let new = NewUser {
                    email,
                    display_name,
                    organisation_id,
                    roles,
                    send_mail,
                };
                value(service.create_user(allowed, new).await?)
            }
            Command::Enrol {
                user,
                replace_authenticator,
                send_mail,
            } => {
                let person = service.user(allowed, user).await?;
                let order = EnrolmentOrder {
                    replaces_totp: replace_authenticator,
                    mail: send_mail.then_some(MailKind::Reset),
                    ..EnrolmentOrder::SHOWN
                };
                value(
                    service
                        .open_enrolment(allowed, (user, &person.email), order)
                        .await?,
                )
            }
            Command::SetRoles { user, role } => {
                let change = ChangedUser {
                    roles: Some(role),
                    ..ChangedUser::default()
                };
                value(service.change_user(allowed, user, change).await?)
            }
            Command::RenameUser { user, display_name } => {
                let change = ChangedUser {
                    display_name: Some(display_name),
                    ..ChangedUser::default()
                };
                value(service.change_user(allowed, user, change).await?)
            }
            Command::EraseUser { user } => done(service.erase_user(allowed, user).await?),
            Command::UnbindIdentity { user } => done(service.unbind_identity(allowed, user).await?),
        }
    }
}
