//! Tables, the same on both databases. Identifiers are hyphenated UUIDs as text, times are UTC.

diesel::table! {
    change_counter (id) { id -> Integer, version -> BigInt, next_status_index -> BigInt, }
}
diesel::table! {
    changes (version) { version -> BigInt, client_id -> Nullable<Text>, }
}
diesel::table! {
    pepper_checks (version) { version -> Integer, check_value -> Binary, }
}
diesel::table! {
    organisations (id) { id -> Text, name -> Text, country_code -> Text, enabled -> Bool, }
}
diesel::table! {
    applications (client_id) { client_id -> Text, organisation_id -> Text, name -> Text, enabled -> Bool, }
}
diesel::table! {
    resources (id) {
        id -> Text,
        uri -> Nullable<Text>,
        name -> Text,
        environment -> Text,
        token_lifetime_seconds -> Nullable<BigInt>,
        signing_algorithm -> Nullable<Text>,
    }
}
diesel::table! {
    resource_roles (resource_id, role) { resource_id -> Text, role -> Text, }
}
diesel::table! {
    permissions (client_id, resource_id, role) { client_id -> Text, resource_id -> Text, role -> Text, }
}
diesel::table! {
    client_secrets (id) {
        id -> Text,
        client_id -> Text,
        name -> Text,
        hint -> Text,
        digest -> Binary,
        pepper_version -> Integer,
        created_by -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        deleted_at -> Nullable<Timestamp>,
        status_index -> BigInt,
        last_used_at -> Nullable<Timestamp>,
        last_used_from -> Nullable<Text>,
        last_used_with -> Nullable<Text>,
    }
}
diesel::table! {
    token_counts (secret_id, day) { secret_id -> Text, day -> Date, tokens -> BigInt, }
}
diesel::joinable!(applications -> organisations (organisation_id));
diesel::joinable!(client_secrets -> applications (client_id));
diesel::allow_tables_to_appear_in_same_query!(
    applications,
    organisations,
    client_secrets,
    permissions,
    resources
);
