//! Parses an export of Microsoft Graph: pages of the collections `applications`, `servicePrincipals`,
//! `appRoleAssignedTo` and `owners`. Independent of the database.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use chrono::{DateTime, Utc};
use domain::application::ApplicationName;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::Outcome;

/// The collections, each an array, a page `{"value": […]}`, or an array of pages.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Export {
    applications: Value,
    service_principals: Value,
    app_role_assigned_to: Value,
    owners: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphApplication {
    id: String,
    app_id: Uuid,
    display_name: String,
    #[serde(default)]
    password_credentials: Vec<PasswordCredential>,
    /// As returned by `$expand=owners`.
    #[serde(default)]
    owners: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordCredential {
    display_name: Option<String>,
    hint: Option<String>,
    end_date_time: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServicePrincipal {
    id: String,
    app_id: Uuid,
    account_enabled: Option<bool>,
    #[serde(default)]
    app_roles: Vec<AppRole>,
}

#[derive(Deserialize)]
struct AppRole {
    id: Uuid,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppRoleAssignment {
    app_role_id: Uuid,
    principal_id: String,
    resource_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphUser {
    display_name: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
}

/// A member's application to be imported.
pub struct Member {
    pub name: ApplicationName,
    pub client_id: Uuid,
    pub enabled: bool,
    /// Roles by resource.
    pub roles: BTreeMap<Uuid, BTreeSet<String>>,
    pub managers: Vec<Person>,
    pub secrets: Vec<ExpiringSecret>,
}

pub struct Person {
    pub email: String,
    pub display_name: String,
}

/// A secret in Entra: its value can't be exported, so it must be replaced.
pub struct ExpiringSecret {
    pub name: String,
    pub hint: String,
    pub expires_at: DateTime<Utc>,
}

/// An object that is not imported, and the reason.
pub struct Skipped {
    pub what: String,
    pub why: String,
}

/// Merges the exports in all files: each may hold any of the collections, or pages of them.
pub fn read(files: &[impl AsRef<Path>]) -> Outcome<Export> {
    let mut all = Export::default();
    for file in files {
        let path = file.as_ref();
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        let one: Export = serde_json::from_str(&text).map_err(|error| {
            failed(&format!(
                "{error}; send an object with applications, servicePrincipals, appRoleAssignedTo and owners"
            ))
        })?;
        append(&mut all.applications, one.applications);
        append(&mut all.service_principals, one.service_principals);
        append(&mut all.app_role_assigned_to, one.app_role_assigned_to);
        append(&mut all.owners, one.owners);
    }
    if items(all.applications.clone()).is_empty() {
        return Err("the export holds no applications: ask Graph for /applications".into());
    }
    Ok(all)
}

fn append(all: &mut Value, more: Value) {
    let mut joined = items(std::mem::take(all));
    joined.extend(items(more));
    *all = Value::Array(joined);
}

/// The items of a collection from all its pages; an object that is no page is one item.
fn items(collection: Value) -> Vec<Value> {
    match collection {
        Value::Null => Vec::new(),
        Value::Array(parts) => parts.into_iter().flat_map(items).collect(),
        Value::Object(mut page)
            if page.get("value").is_some_and(Value::is_array) && !page.contains_key("appId") =>
        {
            page.remove("value").map(items).unwrap_or_default()
        }
        one => vec![one],
    }
}

fn parsed<T: DeserializeOwned>(name: &str, collection: Value) -> Outcome<Vec<T>> {
    let numbered = items(collection).into_iter().enumerate();
    numbered
        .map(|(number, item)| {
            serde_json::from_value(item).map_err(|error| format!("{name}[{number}]: {error}").into())
        })
        .collect()
}

impl Export {
    /// The members' applications by name, and objects that can't be imported.
    pub fn members(self) -> Outcome<(Vec<Member>, Vec<Skipped>)> {
        let applications: Vec<GraphApplication> = parsed("applications", self.applications)?;
        let principals: Vec<ServicePrincipal> = parsed("servicePrincipals", self.service_principals)?;
        let assignments: Vec<AppRoleAssignment> = parsed("appRoleAssignedTo", self.app_role_assigned_to)?;
        let mut skipped = Vec::new();
        let mut owners = Owners::of(self.owners, &applications, &principals)?;
        let mut roles = roles_by_client(&principals, &assignments, &mut skipped);
        let disabled: BTreeSet<Uuid> = principals
            .iter()
            .filter(|one| one.account_enabled == Some(false))
            .map(|one| one.app_id)
            .collect();
        let mut members = Vec::new();
        for application in applications {
            let what = format!(
                "application {} ({})",
                application.display_name, application.app_id
            );
            let name = match ApplicationName::parse(&application.display_name) {
                Ok(name) => name,
                Err(error) => {
                    skipped.push(Skipped {
                        what,
                        why: error.to_string(),
                    });
                    continue;
                }
            };
            let mut people = parsed("owners", application.owners)?;
            people.append(&mut owners.take(application.app_id));
            members.push(Member {
                name,
                client_id: application.app_id,
                enabled: !disabled.contains(&application.app_id),
                roles: roles.remove(&application.app_id).unwrap_or_default(),
                managers: managers(people, &what, &mut skipped),
                secrets: application
                    .password_credentials
                    .into_iter()
                    .map(Into::into)
                    .collect(),
            });
        }
        members.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        Ok((members, skipped))
    }
}

impl From<PasswordCredential> for ExpiringSecret {
    fn from(one: PasswordCredential) -> Self {
        Self {
            name: one.display_name.unwrap_or_else(|| "unnamed".to_owned()),
            hint: one.hint.unwrap_or_default(),
            expires_at: one.end_date_time,
        }
    }
}

/// Owners by application, whose key may be its object id, its application id or the object id of its service
/// principal.
struct Owners(HashMap<Uuid, Vec<GraphUser>>);

impl Owners {
    fn of(
        owners: Value,
        applications: &[GraphApplication],
        principals: &[ServicePrincipal],
    ) -> Outcome<Self> {
        let mut clients: HashMap<String, Uuid> = HashMap::new();
        for application in applications {
            clients.insert(application.id.clone(), application.app_id);
            clients.insert(application.app_id.to_string(), application.app_id);
        }
        clients.extend(principals.iter().map(|one| (one.id.clone(), one.app_id)));
        let mut all: HashMap<Uuid, Vec<GraphUser>> = HashMap::new();
        for (of, people) in lists_of_owners(owners) {
            if let Some(client) = clients.get(&of) {
                all.entry(*client)
                    .or_default()
                    .append(&mut parsed(&format!("owners of {of}"), people)?);
            }
        }
        Ok(Self(all))
    }

    fn take(&mut self, client: Uuid) -> Vec<GraphUser> {
        self.0.remove(&client).unwrap_or_default()
    }
}

/// `{"<id>": [people]}`, or items such as `{"id": "<id>", "owners": [people]}`.
fn lists_of_owners(owners: Value) -> Vec<(String, Value)> {
    let mut lists = Vec::new();
    for item in items(owners) {
        let Value::Object(mut fields) = item else { continue };
        let people = fields.remove("owners").or_else(|| fields.remove("value"));
        match people {
            Some(people) => {
                let of = ["appId", "applicationId", "id"]
                    .iter()
                    .find_map(|name| fields.get(*name));
                if let Some(of) = of.and_then(Value::as_str) {
                    lists.push((of.to_owned(), people));
                }
            }
            None => lists.extend(fields),
        }
    }
    lists
}

/// Each client's roles by resource: an app role is defined by the resource's service principal.
fn roles_by_client(
    principals: &[ServicePrincipal],
    assignments: &[AppRoleAssignment],
    skipped: &mut Vec<Skipped>,
) -> HashMap<Uuid, BTreeMap<Uuid, BTreeSet<String>>> {
    let by_id: HashMap<&str, &ServicePrincipal> =
        principals.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut roles: HashMap<Uuid, BTreeMap<Uuid, BTreeSet<String>>> = HashMap::new();
    for one in assignments {
        // Role assignments to people and groups are skipped.
        let Some(client) = by_id.get(one.principal_id.as_str()) else {
            continue;
        };
        let resource = by_id.get(one.resource_id.as_str());
        let role = resource.and_then(|resource| {
            let found = resource.app_roles.iter().find(|role| role.id == one.app_role_id);
            found.and_then(|role| role.value.clone())
        });
        match (resource, role) {
            (Some(resource), Some(role)) => {
                let of_client = roles.entry(client.app_id).or_default();
                of_client.entry(resource.app_id).or_default().insert(role);
            }
            _ => skipped.push(Skipped {
                what: format!("role {} of client {}", one.app_role_id, client.app_id),
                why: format!(
                    "servicePrincipals holds no resource {} with this role: export it too",
                    one.resource_id
                ),
            }),
        }
    }
    roles
}

fn managers(people: Vec<GraphUser>, of: &str, skipped: &mut Vec<Skipped>) -> Vec<Person> {
    let mut managers: Vec<Person> = Vec::new();
    for person in people {
        // A guest's user principal name is no e-mail address.
        let name = person.user_principal_name.filter(|name| !name.contains("#EXT#"));
        match person.mail.or(name) {
            Some(email) => {
                let email = email.to_lowercase();
                if !managers.iter().any(|known| known.email == email) {
                    let display_name = person.display_name.unwrap_or_else(|| email.clone());
                    managers.push(Person { email, display_name });
                }
            }
            None => skipped.push(Skipped {
                what: format!("owner {} of {of}", person.display_name.unwrap_or_default()),
                why: "no mail address in the export".to_owned(),
            }),
        }
    }
    managers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(export: Value) -> (Vec<Member>, Vec<Skipped>) {
        serde_json::from_value::<Export>(export)
            .unwrap()
            .members()
            .unwrap()
    }

    const CLIENT: &str = "11111111-1111-4111-8111-111111111111";
    const API: &str = "f6d78a69-c840-46a2-941b-a0e08f9296e7";
    const ROLE: &str = "22222222-2222-4222-8222-222222222222";

    fn export() -> Value {
        json!({
            "applications": [{"@odata.nextLink": "…", "value": [
                {"id": "object-1", "appId": CLIENT, "displayName": "Partner-NL-Example-SMC", "passwordCredentials": [
                    {"displayName": "production", "hint": "abc", "endDateTime": "2027-03-01T00:00:00Z"},
                ]},
            ]}, {"value": [{"id": "object-2", "appId": Uuid::nil(), "displayName": "Some other tool"}]}],
            "servicePrincipals": {"value": [
                {"id": "sp-client", "appId": CLIENT, "accountEnabled": false},
                {"id": "sp-api", "appId": API, "appRoles": [{"id": ROLE, "value": "Search.Read"}]},
            ]},
            "appRoleAssignedTo": [
                {"appRoleId": ROLE, "principalId": "sp-client", "resourceId": "sp-api"},
                {"appRoleId": ROLE, "principalId": "sp-client", "resourceId": "sp-unknown"},
                {"appRoleId": ROLE, "principalId": "a person", "resourceId": "sp-api"},
            ],
            "owners": {"object-1": {"value": [
                {"displayName": "Ann", "mail": "Ann@example.org", "userPrincipalName": "ann@wmda.onmicrosoft.com"},
                {"displayName": "Guest", "mail": null, "userPrincipalName": "g_example.org#EXT#@wmda.onmicrosoft.com"},
            ]}},
        })
    }

    #[test]
    fn pages_become_members_with_roles_managers_and_expiry() {
        let (members, skipped) = members(export());
        let [member] = &members[..] else {
            panic!("one member")
        };
        assert_eq!(member.name.as_str(), "Partner-NL-Example-SMC");
        assert_eq!(member.client_id.to_string(), CLIENT);
        assert!(!member.enabled);
        assert_eq!(
            member.roles[&API.parse::<Uuid>().unwrap()],
            BTreeSet::from(["Search.Read".to_owned()])
        );
        assert_eq!(member.managers[0].email, "ann@example.org");
        assert_eq!(
            member.secrets[0].expires_at.to_rfc3339(),
            "2027-03-01T00:00:00+00:00"
        );
        let skipped: Vec<&str> = skipped.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(skipped.len(), 3, "{skipped:?}");
    }

    #[test]
    fn owners_come_in_every_shape_that_graph_gives() {
        let person = json!({"displayName": "Ann", "mail": "ann@example.org"});
        for owners in [
            json!({CLIENT: [person]}),
            json!({"sp-client": {"value": [person]}}),
            json!([{"id": "object-1", "owners": [person]}]),
            json!([{"appId": CLIENT, "value": [person]}]),
            json!([{"value": [{"applicationId": CLIENT, "owners": {"value": [person]}}]}]),
        ] {
            let mut export = export();
            export["owners"] = owners.clone();
            assert_eq!(members(export).0[0].managers.len(), 1, "{owners}");
        }
        let mut expanded = export();
        expanded["owners"] = Value::Null;
        expanded["applications"][0]["value"][0]["owners"] = json!([person]);
        assert_eq!(members(expanded).0[0].managers.len(), 1);
    }

    #[test]
    fn an_item_that_is_not_understood_is_named() {
        let export: Export = serde_json::from_value(json!({"applications": [{"id": "x"}]})).unwrap();
        let error = export.members().err().unwrap().to_string();
        assert!(error.starts_with("applications[0]: missing field"), "{error}");
    }
}
