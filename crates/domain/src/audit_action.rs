//! The actions of the audit trail: the one list for events, filters and translations.

use std::fmt;

use crate::{credential::CredentialKind, profile::Profile};

macro_rules! actions {
    ($($variant:ident = $text:literal,)*) => {
        /// An action, done or denied.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditAction {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl AuditAction {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stored and displayed form.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

actions! {
    AccountChangeAuthenticator = "account.change_authenticator",
    AccountChangePassword = "account.change_password",
    AccountEndSessions = "account.end_sessions",
    AccountReauthenticate = "account.reauthenticate",
    AccountReplaceRecoveryCodes = "account.replace_recovery_codes",
    ApplicationAllowBearer = "application.allow_bearer",
    ApplicationConfigure = "application.configure",
    ApplicationCreate = "application.create",
    ApplicationDisable = "application.disable",
    ApplicationEnable = "application.enable",
    ApplicationManage = "application.manage",
    ApplicationNetworks = "application.networks",
    ApplicationProfileFapi2 = "application.profile_fapi2",
    ApplicationProfileStandard = "application.profile_standard",
    ApplicationRead = "application.read",
    ApplicationRename = "application.rename",
    ApplicationRequireDpop = "application.require_dpop",
    ApplicationSelfRotationOff = "application.self_rotation_off",
    ApplicationSelfRotationOn = "application.self_rotation_on",
    AttentionSnooze = "attention.snooze",
    AuditTrailRead = "audit_trail.read",
    AuditTrailSeal = "audit_trail.seal",
    DirectoryManage = "directory.manage",
    DirectoryRead = "directory.read",
    FederatedCredentialCreate = "federated_credential.create",
    FederatedCredentialDelete = "federated_credential.delete",
    FederatedCredentialResume = "federated_credential.resume",
    FederatedCredentialSuspend = "federated_credential.suspend",
    JournalReplay = "journal.replay",
    KeyCreate = "key.create",
    KeyDelete = "key.delete",
    KeyResume = "key.resume",
    KeyRevoke = "key.revoke",
    KeySuspend = "key.suspend",
    ManagerAssign = "manager.assign",
    ManagerRemove = "manager.remove",
    OrganisationChange = "organisation.change",
    OrganisationCreate = "organisation.create",
    OrganisationDisable = "organisation.disable",
    OrganisationEnable = "organisation.enable",
    OrganisationPolicy = "organisation.policy",
    PepperActivate = "pepper.activate",
    PepperMigrate = "pepper.migrate",
    PermissionGrant = "permission.grant",
    PermissionRevoke = "permission.revoke",
    PreferencesChange = "preferences.change",
    RefusalRead = "refusal.read",
    ResourceChange = "resource.change",
    ResourceCreate = "resource.create",
    ResourceServerCreate = "resource_server.create",
    ResourceServerDelete = "resource_server.delete",
    ResourceServerNewSecret = "resource_server.new_secret",
    SecretCreate = "secret.create",
    SecretDelete = "secret.delete",
    SecretGrace = "secret.grace",
    SecretResume = "secret.resume",
    SecretRotate = "secret.rotate",
    SecretSuspend = "secret.suspend",
    SessionCreate = "session.create",
    SessionCreateByOpenid = "session.create_by_openid",
    SessionDelete = "session.delete",
    SessionUse = "session.use",
    UserBindIdentity = "user.bind_identity",
    UserChangeRoles = "user.change_roles",
    UserCreate = "user.create",
    UserDisable = "user.disable",
    UserDisableAndChangeRoles = "user.disable_and_change_roles",
    UserEnable = "user.enable",
    UserEnableAndChangeRoles = "user.enable_and_change_roles",
    UserEnrol = "user.enrol",
    UserErase = "user.erase",
    UserOpenEnrolment = "user.open_enrolment",
    UserRename = "user.rename",
    UserResetAuthenticator = "user.reset_authenticator",
    UserUnbindIdentity = "user.unbind_identity",
    WebhookCreate = "webhook.create",
    WebhookDelete = "webhook.delete",
}

impl AuditAction {
    /// Setting an application's security profile.
    pub fn profile(profile: Profile) -> Self {
        match profile {
            Profile::Standard => Self::ApplicationProfileStandard,
            Profile::Fapi2 => Self::ApplicationProfileFapi2,
        }
    }

    /// Suspending a credential.
    pub fn suspension(kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::Secret => Self::SecretSuspend,
            CredentialKind::Key => Self::KeySuspend,
            CredentialKind::Federated => Self::FederatedCredentialSuspend,
        }
    }

    /// Taking a suspension back.
    pub fn resumption(kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::Secret => Self::SecretResume,
            CredentialKind::Key => Self::KeyResume,
            CredentialKind::Federated => Self::FederatedCredentialResume,
        }
    }

    /// Creating a credential.
    pub fn creation(kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::Secret => Self::SecretCreate,
            CredentialKind::Key => Self::KeyCreate,
            CredentialKind::Federated => Self::FederatedCredentialCreate,
        }
    }

    /// Deleting a credential.
    pub fn deletion(kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::Secret => Self::SecretDelete,
            CredentialKind::Key => Self::KeyDelete,
            CredentialKind::Federated => Self::FederatedCredentialDelete,
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
