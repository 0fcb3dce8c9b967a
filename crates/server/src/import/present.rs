//! What exists when an import begins, and what it has added.

use std::collections::{HashMap, HashSet};

use management::{applications::ApplicationView, resources::ResourceView};
use uuid::Uuid;

use crate::{
    Outcome,
    admin::{Shell, all},
};

/// Country and organisation, as in an application's name.
type Named = (String, String);

pub struct Present {
    pub applications: HashMap<Uuid, ApplicationView>,
    pub resources: HashMap<Uuid, ResourceView>,
    /// Ids by e-mail address.
    pub users: HashMap<String, Uuid>,
    organisation_names: HashSet<String>,
    organisations: HashMap<Named, Uuid>,
    planned_organisations: HashSet<Named>,
    planned_people: HashSet<String>,
}

impl Present {
    pub async fn read(shell: &Shell) -> Outcome<Self> {
        let (service, allowed) = (&shell.service, &shell.allowed);
        let organisations = all(|query| service.organisations(allowed, query)).await?;
        let applications = all(|query| service.applications(allowed, query)).await?;
        let users = all(|query| service.users(allowed, query)).await?;
        let resources = service.resources(allowed).await?.items;
        let mut present = Self {
            resources: resources.into_iter().map(|one| (one.id, one)).collect(),
            users: users.into_iter().map(|one| (one.email, one.id)).collect(),
            organisation_names: organisations.iter().map(|one| one.name.clone()).collect(),
            organisations: HashMap::new(),
            planned_organisations: HashSet::new(),
            planned_people: HashSet::new(),
            applications: HashMap::new(),
        };
        for one in organisations {
            present.organisations.insert((one.country_code, one.name), one.id);
        }
        // An organisation may have been renamed: its applications still carry the old name.
        for one in applications {
            if let Ok(name) = domain::application::ApplicationName::parse(&one.name) {
                let named = (name.country_code().to_owned(), name.organisation().to_owned());
                present.organisations.insert(named, one.organisation_id);
            }
            present.applications.insert(one.client_id, one);
        }
        Ok(present)
    }

    pub fn organisation_of(&self, client_id: Uuid, country: &str, name: &str) -> Option<Uuid> {
        let by_application = self.applications.get(&client_id).map(|one| one.organisation_id);
        let named = (country.to_owned(), name.to_owned());
        by_application.or_else(|| self.organisations.get(&named).copied())
    }

    /// The name for a new organisation, once per import. Names are unique: if organisations of two countries share
    /// one, the second gets its country appended.
    pub fn plan_organisation(&mut self, country: &str, name: &str) -> Option<String> {
        let is_new = self
            .planned_organisations
            .insert((country.to_owned(), name.to_owned()));
        let free = if self.organisation_names.contains(name) {
            format!("{name} ({country})")
        } else {
            name.to_owned()
        };
        is_new.then(|| {
            self.organisation_names.insert(free.clone());
            free
        })
    }

    pub fn add_organisation(&mut self, id: Uuid, country: &str, name: &str) {
        self.organisations
            .insert((country.to_owned(), name.to_owned()), id);
    }

    /// Whether the person was not planned before in this import; marks them as planned.
    pub fn plan_person(&mut self, email: &str) -> bool {
        self.planned_people.insert(email.to_owned())
    }

    /// The application's roles on the resource.
    pub fn roles(&self, client_id: Uuid, resource: Uuid) -> &[String] {
        let permissions = self
            .applications
            .get(&client_id)
            .map_or(&[][..], |one| &one.permissions);
        let granted = permissions.iter().find(|one| one.resource_id == resource);
        granted.map_or(&[][..], |one| &one.roles)
    }

    pub fn manages(&self, client_id: Uuid, email: &str) -> bool {
        let managers = self
            .applications
            .get(&client_id)
            .map_or(&[][..], |one| &one.managers);
        managers.iter().any(|one| one.email == email)
    }
}
