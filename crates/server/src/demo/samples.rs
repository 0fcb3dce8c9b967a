//! The sample data of the demo: organisations, applications, secrets, people, resource servers.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    audit::Entry,
    audit_action::AuditAction,
    client_key::{ClientKey, RegisteredKey},
    credential::{CredentialKind, PublicPart},
    federation::{FederatedIdentity, NamedKey},
    key_registration::read_pem,
    pepper::Pepper,
    profile::Profile,
    random,
    resource::{Environment, Resource, SigningAlgorithm},
    secret::NewSecret,
};
use management::{
    Allowed, Management, Problem, applications::NewApplication, managers::NewManager,
    organisations::NewOrganisation, users::NewUser,
};
use ring::rand::SecureRandom;
use serde_json::{Value, json};
use store::{
    NewClientSecret, NewProof, NewResourceServer, Store, StoreError,
    client_secrets::{NoticeRecipients, SecretFilter, SecretLimits},
};
use uuid::Uuid;

use super::keys;
use crate::Outcome;

/// WMDA's resources: name, environment, id, URI.
pub const RESOURCES: [(&str, Environment, &str, &str); 6] = [
    (
        "Search & Match",
        Environment::Production,
        "5df05a6d-8ef0-49fe-9441-62cd9b540376",
        "https://search-api.wmda.info",
    ),
    (
        "Search & Match",
        Environment::Sandbox,
        "f6d78a69-c840-46a2-941b-a0e08f9296e7",
        "https://sandbox-search-api.wmda.info",
    ),
    (
        "Match-Connect",
        Environment::Production,
        "00f6f281-2c36-45a4-97ae-79d745265090",
        "https://match-connect.wmda.example",
    ),
    (
        "Match-Connect",
        Environment::Sandbox,
        "fd05059b-9c9e-443c-a7e7-bc4ddfe29f5c",
        "https://sandbox-match-connect.wmda.example",
    ),
    (
        "Data Manager",
        Environment::Production,
        "577a3074-a64c-44e5-b394-bf40eb53413a",
        "https://datamanager-api.wmda.info",
    ),
    (
        "Data Manager",
        Environment::Sandbox,
        "4ff9e943-41d7-4430-b1cf-5502b9440601",
        "https://sandbox-datamanager-api.wmda.info",
    ),
];
const SMC: &[usize] = &[1, 3];
const DM: &[usize] = &[5];
const TEAM: [(&str, &str); 2] = [
    ("admin@wmda.example", "admin"),
    ("auditor@wmda.example", "auditor"),
];
const REGISTRY: &str = "Example Registry";
const CENTRE: &str = "Sample Transplant Centre";
/// Name, country, manager.
const ORGANISATIONS: [(&str, &str, &str); 2] = [
    (REGISTRY, "NL", "manager@example-registry.example"),
    (CENTRE, "DE", "manager@sample-centre.example"),
];
/// Organisation, application, granted resources.
const CLIENTS: [(&str, &str, &[usize]); 5] = [
    (REGISTRY, "Partner-NL-ExampleRegistry-SMC", SMC),
    (REGISTRY, "Partner-NL-ExampleRegistry-DM", DM),
    (CENTRE, "Partner-DE-SampleCentre-SMC", SMC),
    (CENTRE, "Partner-DE-SampleCentre-DM", DM),
    (CENTRE, "PartnerAlternative-DE-SampleCentre-SMC", &[3]),
];

/// The organisation and manager of the clients without a shared secret.
const KEY_HOLDER: (&str, &str, &str) = ("Sample Cord Blood Bank", "FR", "manager@sample-bank.example");
/// Application, security profile, and algorithm of its assertions.
const KEY_CLIENTS: [(&str, Profile, SigningAlgorithm); 4] = [
    (
        "Partner-FR-SampleBankKey-SMC",
        Profile::Standard,
        SigningAlgorithm::ES256,
    ),
    (
        "Partner-FR-SampleBankKeyRsa-SMC",
        Profile::Standard,
        SigningAlgorithm::PS256,
    ),
    (
        "Partner-FR-SampleBankFapi-SMC",
        Profile::Fapi2,
        SigningAlgorithm::ES256,
    ),
    (
        "Partner-FR-SampleBankFapiRsa-SMC",
        Profile::Fapi2,
        SigningAlgorithm::PS256,
    ),
];
const CERTIFICATE_CLIENTS: [&str; 1] = ["Partner-FR-SampleBankCertificate-SMC"];
/// An application with a federated identity of its owner's cluster, and the claims of the cluster's JWTs.
const FEDERATED_CLIENT: &str = "Partner-FR-SampleBankFederated-SMC";
const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:donors:matcher";
const AUDIENCE: &str = "api://wmda";

/// A credential kind's path segment in the audit trail.
fn in_audit_trail(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Secret => "secret",
        CredentialKind::Key => "key",
        CredentialKind::Federated => "federated-credential",
    }
}

/// Creates the sample data; existing data stays, but its sample secrets and passwords are replaced.
pub struct Seeder<'a> {
    pub store: &'a Store,
    pub management: &'a Management,
    pub allowed: Allowed,
    pub pepper: &'a Pepper,
    pub random: &'a dyn SecureRandom,
    /// The folder of the key pairs.
    pub dir: &'a Path,
    pub now: DateTime<Utc>,
}

impl Seeder<'_> {
    /// Creates everything, and returns what is printed.
    pub async fn seed(&self) -> Outcome<Value> {
        for (name, environment, id, uri) in RESOURCES {
            let resource = resource(name, environment, id, uri)?;
            let entry = self.entry(AuditAction::ResourceCreate, format!("resource/{id}"));
            accept_existing(self.store.create_resource(resource, entry).await)?;
        }
        let (mut clients, mut users) = (Vec::new(), Vec::new());
        for (email, role) in TEAM {
            let (_, shown) = self.user(email, role, None).await?;
            users.push(shown);
        }
        for (organisation, country, manager) in ORGANISATIONS {
            let organisation_id = self.organisation(organisation, country).await?;
            let (user_id, mut shown) = self
                .user(manager, "credential_manager", Some(organisation_id))
                .await?;
            let mut managed = Vec::new();
            for (_, name, granted) in CLIENTS.iter().filter(|one| one.0 == organisation) {
                let client_id = self.application(organisation_id, name, granted).await?;
                self.assign(client_id, user_id).await?;
                managed.push(client_id);
                let (secret_id, value) = self
                    .replace_secret(client_id, "demo", TimeDelta::days(365))
                    .await?;
                clients.push(json!({
                    "name": name, "client_id": client_id, "client_secret": value, "secret_id": secret_id,
                    "resources": granted.iter().map(|at| RESOURCES[*at].2).collect::<Vec<_>>(),
                }));
            }
            shown["applications"] = json!(managed);
            users.push(shown);
        }
        let without_secret = self.key_clients(&mut users).await?;
        let first = self.store.application_named(CLIENTS[0].1.to_owned()).await?;
        let first = first.ok_or("the sample is incomplete")?;
        self.replace_secret(first, "demo, expires in 20 days", TimeDelta::days(20))
            .await?;
        let (_, expired) = self
            .replace_secret(first, "demo, expired", TimeDelta::days(-1))
            .await?;
        Ok(json!({
            "clients": clients, "key_clients": without_secret["key_clients"],
            "certificate_clients": without_secret["certificate_clients"],
            "federated_clients": without_secret["federated_clients"],
            "expired": { "client_id": first, "client_secret": expired },
            "resource_servers": self.resource_servers().await?, "users": users,
        }))
    }

    /// Clients without a secret, by their kind of authentication, and their manager.
    async fn key_clients(&self, users: &mut Vec<Value>) -> Outcome<Value> {
        let (organisation, country, manager) = KEY_HOLDER;
        let organisation_id = self.organisation(organisation, country).await?;
        let (user_id, mut shown) = self
            .user(manager, "credential_manager", Some(organisation_id))
            .await?;
        let (mut managed, mut with_key, mut with_certificate) = (Vec::new(), Vec::new(), Vec::new());
        let ids = |granted: &[usize]| granted.iter().map(|at| RESOURCES[*at].2).collect::<Vec<&str>>();
        for (name, profile, algorithm) in KEY_CLIENTS {
            // Clients with the FAPI profile send no resource indicator (RFC 8707 is no part of it), so they have one
            // resource.
            let granted = match profile {
                Profile::Standard => SMC,
                Profile::Fapi2 => &SMC[..1],
            };
            let client_id = self.application(organisation_id, name, granted).await?;
            self.assign(client_id, user_id).await?;
            managed.push(client_id);
            let pair = keys::pair(self.dir, name, algorithm)?;
            let kid = pair.public.thumbprint().to_owned();
            let key = RegisteredKey {
                kid: kid.clone(),
                public: pair.public,
                certificate: None,
            };
            self.replace_key(client_id, key).await?;
            let entry = self.entry(AuditAction::profile(profile), format!("application/{client_id}"));
            self.store.set_profile(client_id, profile, entry).await?;
            with_key.push(json!({
                "name": name, "client_id": client_id, "kid": kid, "alg": algorithm.name(),
                "jwk": pair.private_jwk, "resources": ids(granted), "profile": profile.as_str(),
            }));
        }
        for name in CERTIFICATE_CLIENTS {
            let client_id = self.application(organisation_id, name, SMC).await?;
            self.assign(client_id, user_id).await?;
            managed.push(client_id);
            let (certificate_file, key_file, pem) = keys::certificate(self.dir, name, self.now)?;
            let (key, _) = read_pem(&pem, self.now)?;
            self.replace_key(client_id, key).await?;
            with_certificate.push(json!({
                "name": name, "client_id": client_id, "certificate_file": certificate_file,
                "key_file": key_file, "resources": ids(SMC),
            }));
        }
        let client_id = self.application(organisation_id, FEDERATED_CLIENT, SMC).await?;
        self.assign(client_id, user_id).await?;
        managed.push(client_id);
        let mut federated = self.federated(client_id).await?;
        federated["resources"] = json!(ids(SMC));
        shown["applications"] = json!(managed);
        users.push(shown);
        Ok(json!({
            "key_clients": with_key, "certificate_clients": with_certificate, "federated_clients": [federated],
        }))
    }

    /// Registers a cluster as a client's federated identity; its private key is printed, so that JWTs can be made.
    async fn federated(&self, client_id: Uuid) -> Outcome<Value> {
        let pair = keys::pair(self.dir, FEDERATED_CLIENT, SigningAlgorithm::ES256)?;
        let kid = pair.public.thumbprint().to_owned();
        let identity = FederatedIdentity {
            issuer: CLUSTER.to_owned(),
            subject: SERVICE_ACCOUNT.to_owned(),
            audience: AUDIENCE.to_owned(),
            keys: Some(vec![NamedKey {
                kid: Some(kid.clone()),
                public: pair.public,
            }]),
        };
        let public = PublicPart::Federated(Arc::new(identity));
        self.replace_public(client_id, public, String::new()).await?;
        Ok(json!({
            "name": FEDERATED_CLIENT, "client_id": client_id, "issuer": CLUSTER, "subject": SERVICE_ACCOUNT,
            "audience": AUDIENCE, "kid": kid, "alg": SigningAlgorithm::ES256.name(), "jwk": pair.private_jwk,
        }))
    }

    async fn replace_key(&self, client_id: Uuid, key: RegisteredKey) -> Outcome<()> {
        let hint = key.public.thumbprint().chars().take(3).collect();
        let public = PublicPart::Key(Arc::new(ClientKey::Registered(Box::new(key))));
        self.replace_public(client_id, public, hint).await
    }

    /// Replaces a client's sample credential.
    async fn replace_public(&self, client_id: Uuid, public: PublicPart, hint: String) -> Outcome<()> {
        let kind = public.kind();
        self.delete_named((kind, client_id), "demo").await?;
        let id = random::uuid(self.random)?;
        let new = NewClientSecret {
            id,
            client_id,
            name: "demo".to_owned(),
            hint,
            proof: NewProof::Public(public),
            created_by: "demo".to_owned(),
            created_at: self.now,
            expires_at: self.now + TimeDelta::days(364),
            replaces: None,
        };
        let entry = self.entry(
            AuditAction::creation(kind),
            format!("application/{client_id}/{}/{id}", in_audit_trail(kind)),
        );
        Ok(self.store.create_secret(new, SecretLimits::NONE, entry).await?)
    }

    /// Deletes credentials of this name left by an earlier run.
    async fn delete_named(&self, (kind, client_id): (CredentialKind, Uuid), name: &str) -> Outcome<()> {
        let every = SecretFilter {
            kind,
            status: None,
            search: name.to_owned(),
            after: None,
            limit: 200,
        };
        let old = self.store.secrets(client_id, every, self.now).await?;
        for old in old.secrets.into_iter().filter(|one| one.name == name) {
            let object = format!("application/{client_id}/{}/{}", in_audit_trail(kind), old.id);
            let entry = self.entry(AuditAction::deletion(kind), object);
            let which = (kind, client_id, old.id);
            self.store
                .delete_credential(which, NoticeRecipients::Nobody, self.now, entry)
                .await?;
        }
        Ok(())
    }

    /// One resource server per resource.
    async fn resource_servers(&self) -> Outcome<Vec<Value>> {
        let mut made = Vec::new();
        for (name, environment, id, _) in RESOURCES {
            let name = format!("{name} ({})", environment.as_str());
            let (client_id, secret) = self.resource_server(name, Uuid::try_parse(id)?).await?;
            made.push(json!({ "client_id": client_id, "client_secret": secret, "resources": [id] }));
        }
        Ok(made)
    }

    async fn resource_server(&self, name: String, resource: Uuid) -> Outcome<(Uuid, String)> {
        let secret = NewSecret::generate(self.random)?;
        if let Some(client_id) = self.store.resource_server_named(name.clone()).await? {
            let digest = self.pepper.digest(client_id, secret.reveal());
            let entry = self.entry(
                AuditAction::ResourceServerNewSecret,
                format!("resource-server/{client_id}"),
            );
            self.store
                .set_resource_server_secret(client_id, digest, entry)
                .await?;
            return Ok((client_id, secret.reveal().to_owned()));
        }
        let client_id = random::uuid(self.random)?;
        let new = NewResourceServer {
            client_id,
            name,
            digest: self.pepper.digest(client_id, secret.reveal()),
            created_at: self.now,
            resources: vec![resource],
        };
        let entry = self.entry(
            AuditAction::ResourceServerCreate,
            format!("resource-server/{client_id}"),
        );
        self.store.create_resource_server(new, entry).await?;
        Ok((client_id, secret.reveal().to_owned()))
    }

    fn entry(&self, action: AuditAction, object: String) -> Entry {
        self.management.done(&self.allowed, action, object)
    }

    /// Creates a person; returns the id and what is printed.
    async fn user(&self, email: &str, role: &str, organisation_id: Option<Uuid>) -> Outcome<(Uuid, Value)> {
        let id = match self.store.sign_in_record(email.to_owned()).await? {
            Some(known) => known.user.id,
            None => {
                let new = NewUser {
                    email: email.to_owned(),
                    display_name: format!("Demo {}", role.replace('_', " ")),
                    organisation_id,
                    roles: vec![role.to_owned()],
                    send_mail: false,
                };
                self.management.create_user(&self.allowed, new).await?.user.id
            }
        };
        let password = random::uuid(self.random)?.simple().to_string();
        let secret = self
            .management
            .enrol_sample(&self.allowed, (id, email), password.clone())
            .await?;
        let shown = json!({ "email": email, "password": password, "totp_secret": secret, "role": role });
        Ok((id, shown))
    }

    async fn assign(&self, client_id: Uuid, user_id: Uuid) -> Outcome<()> {
        let new = NewManager {
            user_id,
            confirmed_by: None,
            confirmed_at: None,
        };
        match self
            .management
            .assign_manager(&self.allowed, client_id, new)
            .await
        {
            Ok(_) | Err(Problem::Conflict(_)) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    async fn organisation(&self, name: &str, country_code: &str) -> Outcome<Uuid> {
        if let Some(known) = self.store.organisation_named(name.to_owned()).await? {
            return Ok(known.id);
        }
        let (name, country_code) = (name.to_owned(), country_code.to_owned());
        let new = NewOrganisation { name, country_code };
        Ok(self.management.create_organisation(&self.allowed, new).await?.id)
    }

    async fn application(&self, organisation_id: Uuid, name: &str, granted: &[usize]) -> Outcome<Uuid> {
        if let Some(client_id) = self.store.application_named(name.to_owned()).await? {
            return Ok(client_id);
        }
        let new = NewApplication {
            name: name.to_owned(),
            organisation_id,
            client_id: None,
        };
        let client_id = self
            .management
            .create_application(&self.allowed, new)
            .await?
            .client_id;
        for at in granted {
            let (name, environment, id, uri) = RESOURCES[*at];
            let resource = resource(name, environment, id, uri)?;
            // No node is running yet, so there is no lease to wait out.
            let entry = self.entry(
                AuditAction::PermissionGrant,
                format!("application/{client_id}/permission/{id}"),
            );
            self.store
                .grant(client_id, resource.id, resource.roles, entry)
                .await?;
        }
        Ok(client_id)
    }

    async fn replace_secret(&self, client_id: Uuid, name: &str, life: TimeDelta) -> Outcome<(Uuid, String)> {
        self.delete_named((CredentialKind::Secret, client_id), name)
            .await?;
        let secret = NewSecret::generate(self.random)?;
        let id = random::uuid(self.random)?;
        let new = NewClientSecret {
            id,
            client_id,
            name: name.to_owned(),
            hint: secret.hint().to_owned(),
            proof: NewProof::Secret(self.pepper.digest(client_id, secret.reveal())),
            created_by: "demo".to_owned(),
            created_at: self.now.min(self.now + life - TimeDelta::days(1)),
            expires_at: self.now + life,
            replaces: None,
        };
        let entry = self.entry(
            AuditAction::SecretCreate,
            format!("application/{client_id}/secret/{id}"),
        );
        self.store.create_secret(new, SecretLimits::NONE, entry).await?;
        Ok((id, secret.reveal().to_owned()))
    }
}

fn resource(name: &str, environment: Environment, id: &str, uri: &str) -> Outcome<Resource> {
    let data_manager = name == "Data Manager";
    let roles = if data_manager {
        vec!["Data.Upload".to_owned()]
    } else {
        vec!["Search.Read".to_owned(), "Search.Write".to_owned()]
    };
    Ok(Resource {
        id: Uuid::try_parse(id)?,
        uri: Some(uri.to_owned()),
        name: name.to_owned(),
        environment,
        token_lifetime_seconds: None,
        signing_algorithm: data_manager.then_some(SigningAlgorithm::RS256),
        roles,
    })
}

fn accept_existing(outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Err(StoreError::Conflict) => Ok(()),
        other => other,
    }
}
