//! Misspelled environment variables: one underscore instead of two.

/// The sections of the configuration.
const SECTIONS: [&str; 14] = [
    "SERVER",
    "DATABASE",
    "KEYS",
    "SECRETS",
    "TOKENS",
    "CACHE",
    "ENTRA",
    "IDENTITY",
    "LIMITS",
    "MAIL",
    "WEBHOOKS",
    "RETENTION",
    "JOURNAL",
    "LOG",
];
/// Variables that the tests of this product read.
const OF_TESTS: [&str; 3] = ["TEST_", "WRITE_", "DELETION_"];

/// The misspelled variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Misnamed {
    /// Those that name a section: the server must not start with the default instead.
    pub keys: Vec<String>,
    /// Those that may belong to another program.
    pub others: Vec<String>,
}

/// Searches the names of environment variables.
pub fn misnamed<'a>(names: impl IntoIterator<Item = &'a str>) -> Misnamed {
    let mut found = Misnamed::default();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    for name in names {
        let Some(rest) = name
            .strip_prefix("WMDA_AUTH_")
            .filter(|rest| !rest.starts_with('_'))
        else {
            continue;
        };
        if is_of_kubernetes(rest) || OF_TESTS.iter().any(|own| rest.starts_with(own)) {
            continue;
        }
        let key = SECTIONS.iter().find_map(|section| {
            let key = rest.strip_prefix(section)?.strip_prefix('_')?;
            Some(format!("WMDA_AUTH__{section}__{}", key.trim_start_matches('_')))
        });
        match key {
            Some(right) => found.keys.push(format!("the variable {name} is not read: it must be {right}, with two underscores")),
            None => found.others.push(format!(
                "the variable {name} is not read: variables are WMDA_AUTH__SECTION__KEY, with two underscores; remove it or rename it"
            )),
        }
    }
    found
}

/// Kubernetes sets variables named after the services of the namespace in every container.
fn is_of_kubernetes(rest: &str) -> bool {
    let ends = ["SERVICE_HOST", "PORT"].iter().any(|end| rest.ends_with(end));
    ends || rest.contains("SERVICE_PORT") || rest.contains("PORT_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_with_one_underscore_is_named_with_the_right_name() {
        let found = misnamed([
            "WMDA_AUTH__SERVER__BIND",
            "WMDA_AUTH_SERVER__BIND",
            "WMDA_AUTH_DATABASE_URL",
            "WMDA_AUTH_X",
            "WMDA_AUTH_SERVICE_HOST",
            "WMDA_AUTH_PORT_8443_TCP_ADDR",
            "WMDA_AUTH_DATABASE_SERVICE_PORT_PG",
            "WMDA_AUTH_TEST_POSTGRES_URL",
            "WMDA_AUTHOR",
        ]);
        assert_eq!(found.keys.len(), 2, "{found:?}");
        assert!(
            found
                .keys
                .iter()
                .any(|told| told.contains("WMDA_AUTH__SERVER__BIND"))
        );
        assert!(
            found
                .keys
                .iter()
                .any(|told| told.contains("WMDA_AUTH__DATABASE__URL"))
        );
        assert_eq!(found.others.len(), 1, "{found:?}");
    }
}
