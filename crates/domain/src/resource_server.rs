//! Resource servers: downstream APIs that authenticate at the introspection endpoint (RFC 7662 §2.1).

use uuid::Uuid;

use crate::resource::Resource;

/// An authenticated resource server, with its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServer {
    /// Its client id.
    pub client_id: Uuid,
    /// Id and URI of each of its resources.
    pub resources: Vec<(Uuid, Option<String>)>,
}

impl ResourceServer {
    /// Whether it may introspect tokens with this `aud` (RFC 7662 §4: it learns nothing about others).
    pub fn answers_for(&self, audience: &str) -> bool {
        self.resources
            .iter()
            .any(|(id, uri)| Resource::named(*id, uri.as_deref(), audience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i02_a_resource_server_answers_for_its_own_resources_alone() {
        let server = ResourceServer {
            client_id: Uuid::from_u128(1),
            resources: vec![(Uuid::from_u128(2), Some("https://api.example.org/".to_owned()))],
        };
        assert!(server.answers_for("00000000-0000-0000-0000-000000000002"));
        assert!(server.answers_for("https://api.example.org/"));
        for foreign in [
            "",
            "00000000-0000-0000-0000-000000000003",
            "https://api.example.org",
        ] {
            assert!(!server.answers_for(foreign), "{foreign}");
        }
    }
}
