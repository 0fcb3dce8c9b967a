//! Who may do what: the one place that decides. People have roles; the role of credential manager is held per
//! application.

use std::str::FromStr;

use uuid::Uuid;

use crate::{audit_action::AuditAction, resource::Unknown};

/// What a person is for the whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The WMDA team: manages everything, reads no secret.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
    /// May be assigned to applications of its organisation.
    CredentialManager,
}

impl Role {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::CredentialManager => "credential_manager",
        }
    }
}

impl FromStr for Role {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "admin" => Ok(Self::Admin),
            "auditor" => Ok(Self::Auditor),
            "credential_manager" => Ok(Self::CredentialManager),
            _ => Err(Unknown("role: use admin, auditor or credential_manager")),
        }
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// One's own session, and the list of the applications that one may see.
    UseSession,
    /// One application, its secrets, permissions and managers.
    ReadApplication,
    /// A new secret for an application.
    CreateSecret,
    /// Ending a secret.
    DeleteSecret,
    /// Suspending a credential, and taking that back.
    SuspendSecret,
    /// How an application's credentials may be used.
    ConfigureApplication,
    /// The WMDA team's work on one secret, such as a grace.
    GrantGrace,
    /// Creating and disabling applications, granting permissions, assigning managers.
    ManageApplications,
    /// Organisations, resources and users.
    ReadDirectory,
    /// Creating and disabling those.
    ManageDirectory,
    /// The audit trail.
    ReadAuditTrail,
    /// Refused requests of all clients.
    ReadRefusals,
}

impl Permission {
    /// What the audit trail calls an attempt without it, in the words of the changes themselves.
    pub fn action(self) -> AuditAction {
        match self {
            Self::UseSession => AuditAction::SessionUse,
            Self::ReadApplication => AuditAction::ApplicationRead,
            Self::CreateSecret => AuditAction::SecretCreate,
            Self::DeleteSecret => AuditAction::SecretDelete,
            Self::SuspendSecret => AuditAction::SecretSuspend,
            Self::ConfigureApplication => AuditAction::ApplicationConfigure,
            Self::GrantGrace => AuditAction::SecretGrace,
            Self::ManageApplications => AuditAction::ApplicationManage,
            Self::ReadDirectory => AuditAction::DirectoryRead,
            Self::ManageDirectory => AuditAction::DirectoryManage,
            Self::ReadAuditTrail => AuditAction::AuditTrailRead,
            Self::ReadRefusals => AuditAction::RefusalRead,
        }
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The role never may.
    Forbidden,
    /// The person may not even know whether the object exists.
    Invisible,
}

/// Somebody who has signed in, as the next request finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person's id.
    pub user_id: Uuid,
    /// Names the person in the audit trail.
    pub email: String,
    /// What they are.
    pub roles: Vec<Role>,
    /// The applications that they manage.
    pub manages: Vec<Uuid>,
}

impl Principal {
    /// Decides; `application` is the client id that the request is about, where it is about one.
    pub fn require(&self, permission: Permission, application: Option<Uuid>) -> Result<(), Denial> {
        let admin = self.roles.contains(&Role::Admin);
        let sees_all = admin || self.roles.contains(&Role::Auditor);
        // An assignment counts only with a role that manages: an auditor who is assigned stays one.
        let may_manage = admin || self.roles.contains(&Role::CredentialManager);
        let manages = may_manage && application.is_some_and(|client_id| self.manages.contains(&client_id));
        let (allowed, otherwise) = match permission {
            Permission::UseSession => (true, Denial::Forbidden),
            Permission::ReadApplication => (sees_all || manages, Denial::Invisible),
            Permission::CreateSecret => (manages, hidden_unless(sees_all)),
            Permission::DeleteSecret | Permission::SuspendSecret | Permission::ConfigureApplication => {
                (manages || admin, hidden_unless(sees_all))
            }
            Permission::ManageApplications | Permission::GrantGrace | Permission::ManageDirectory => {
                (admin, Denial::Forbidden)
            }
            Permission::ReadDirectory | Permission::ReadAuditTrail | Permission::ReadRefusals => {
                (sees_all, Denial::Forbidden)
            }
        };
        if allowed { Ok(()) } else { Err(otherwise) }
    }

    /// The applications that a list may show; `None` is all of them.
    pub fn visible_applications(&self) -> Option<&[Uuid]> {
        let sees_all = self
            .roles
            .iter()
            .any(|role| matches!(role, Role::Admin | Role::Auditor));
        match sees_all {
            true => None,
            false if self.roles.contains(&Role::CredentialManager) => Some(&self.manages),
            false => Some(&[]),
        }
    }
}

fn hidden_unless(sees_all: bool) -> Denial {
    if sees_all {
        Denial::Forbidden
    } else {
        Denial::Invisible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Uuid = Uuid::from_u128(1);
    const FOREIGN: Uuid = Uuid::from_u128(2);

    #[test]
    fn the_matrix_of_role_permission_and_object() {
        use Permission::*;
        let person = |roles: &[Role], manages: &[Uuid]| Principal {
            user_id: Uuid::nil(),
            email: String::new(),
            roles: roles.to_vec(),
            manages: manages.to_vec(),
        };
        let people = [
            person(&[Role::Admin], &[]),
            person(&[Role::Auditor], &[]),
            person(&[Role::CredentialManager], &[OWN]),
            person(&[], &[]),
            person(&[Role::Admin], &[OWN]),
            person(&[Role::Auditor], &[OWN]),
            person(&[], &[OWN]),
        ];
        const YES: Result<(), Denial> = Ok(());
        const NO: Result<(), Denial> = Err(Denial::Forbidden);
        const HIDDEN: Result<(), Denial> = Err(Denial::Invisible);
        // Admin, auditor, manager, nobody, admin who is manager too, auditor and nobody who were assigned.
        let matrix = [
            (UseSession, OWN, [YES, YES, YES, YES, YES, YES, YES]),
            (ReadApplication, OWN, [YES, YES, YES, HIDDEN, YES, YES, HIDDEN]),
            (
                ReadApplication,
                FOREIGN,
                [YES, YES, HIDDEN, HIDDEN, YES, YES, HIDDEN],
            ),
            (CreateSecret, OWN, [NO, NO, YES, HIDDEN, YES, NO, HIDDEN]),
            (CreateSecret, FOREIGN, [NO, NO, HIDDEN, HIDDEN, NO, NO, HIDDEN]),
            (DeleteSecret, OWN, [YES, NO, YES, HIDDEN, YES, NO, HIDDEN]),
            (DeleteSecret, FOREIGN, [YES, NO, HIDDEN, HIDDEN, YES, NO, HIDDEN]),
            (SuspendSecret, OWN, [YES, NO, YES, HIDDEN, YES, NO, HIDDEN]),
            (SuspendSecret, FOREIGN, [YES, NO, HIDDEN, HIDDEN, YES, NO, HIDDEN]),
            (ConfigureApplication, OWN, [YES, NO, YES, HIDDEN, YES, NO, HIDDEN]),
            (GrantGrace, OWN, [YES, NO, NO, NO, YES, NO, NO]),
            (ManageApplications, OWN, [YES, NO, NO, NO, YES, NO, NO]),
            (ManageApplications, FOREIGN, [YES, NO, NO, NO, YES, NO, NO]),
            (ReadDirectory, OWN, [YES, YES, NO, NO, YES, YES, NO]),
            (ManageDirectory, OWN, [YES, NO, NO, NO, YES, NO, NO]),
            (ReadAuditTrail, OWN, [YES, YES, NO, NO, YES, YES, NO]),
            (ReadRefusals, OWN, [YES, YES, NO, NO, YES, YES, NO]),
        ];
        for (permission, object, expected) in matrix {
            let decided = people
                .each_ref()
                .map(|person| person.require(permission, Some(object)));
            assert_eq!(decided, expected, "{permission:?} {object}");
        }
    }
}
