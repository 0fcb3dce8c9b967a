//! Authorization: the one place that decides. People have roles; credential managers are assigned per application.

use std::str::FromStr;

use uuid::Uuid;

use crate::{audit_action::AuditAction, resource::Unknown};

/// A person's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The WMDA team: manages everything, but can't read secrets.
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

/// A permission that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Using one's own session, and listing the visible applications.
    UseSession,
    /// Reading an application, its secrets, permissions and managers.
    ReadApplication,
    /// Creating a secret.
    CreateSecret,
    /// Deleting a secret.
    DeleteSecret,
    /// Suspending a credential, and taking that back.
    SuspendSecret,
    /// Configuring how an application's credentials may be used.
    ConfigureApplication,
    /// The WMDA team's exceptions for one secret, such as a grace period.
    GrantGrace,
    /// Creating and disabling applications, granting permissions, assigning managers.
    ManageApplications,
    /// Reading organisations, resources and users.
    ReadDirectory,
    /// Creating and disabling those.
    ManageDirectory,
    /// Reading the audit trail.
    ReadAuditTrail,
    /// Reading the refused requests of all clients.
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

/// Why access is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No role of the person has this permission.
    Forbidden,
    /// The person must not learn whether the object exists (404).
    Invisible,
}

/// An authenticated person; loaded anew for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person's id.
    pub user_id: Uuid,
    /// The actor in the audit trail.
    pub email: String,
    /// The person's roles.
    pub roles: Vec<Role>,
    /// The applications assigned to the person.
    pub manages: Vec<Uuid>,
}

impl Principal {
    /// Decides whether the permission is granted; `application` is the client id of the target, if there is one.
    pub fn require(&self, permission: Permission, application: Option<Uuid>) -> Result<(), Denial> {
        let admin = self.roles.contains(&Role::Admin);
        let sees_all = admin || self.roles.contains(&Role::Auditor);
        // An assignment counts only with a managing role: an assigned auditor stays an auditor.
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

    /// The applications visible in lists; `None` is all of them.
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
        // Admin, auditor, manager, no role, admin who is manager too, auditor and no role who were assigned.
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
