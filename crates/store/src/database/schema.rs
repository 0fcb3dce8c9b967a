//! The schema, the same on both databases. Ids are hyphenated UUIDs as text, times are UTC.

diesel::table! {
    change_counter (id) { id -> Integer, version -> BigInt, next_status_index -> BigInt, longest_lease_ms -> BigInt, raised_lease_ms -> BigInt, }
}
diesel::table! {
    changes (version) { version -> BigInt, client_id -> Nullable<Text>, }
}
diesel::table! {
    nodes (id) { id -> Text, lease_ms -> BigInt, beats -> BigInt, seen_at -> Timestamp, }
}
diesel::table! {
    pepper_checks (version) { version -> Integer, check_value -> Binary, activated_at -> Nullable<Timestamp>, }
}
diesel::table! {
    pepper_survivors (version, purpose) { version -> Integer, purpose -> Text, sealed -> Binary, }
}
diesel::table! {
    pepper_nodes (node) { node -> Text, host -> Text, versions -> Text, seen_at -> Timestamp, }
}
diesel::table! {
    organisations (id) { id -> Text, name -> Text, country_code -> Text, enabled -> Bool, }
}
diesel::table! {
    applications (client_id) {
        client_id -> Text,
        organisation_id -> Text,
        name -> Text,
        enabled -> Bool,
        profile -> Text,
        self_rotation -> Bool,
        dpop_bound_access_tokens -> Bool,
        networks_mode -> Text,
        allowed_networks -> Text,
    }
}
diesel::table! {
    organisation_policies (organisation_id) {
        organisation_id -> Text,
        max_lifetime_days -> Nullable<Integer>,
        max_live_secrets -> Nullable<BigInt>,
        keys_only -> Bool,
        self_rotation -> Text,
        networks_required -> Bool,
        on_leak -> Text,
    }
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
        reminded_days -> Integer,
        tried_after_expiry_at -> Nullable<Timestamp>,
        replaces -> Nullable<Text>,
        kind -> Text,
        material -> Nullable<Text>,
        suspended_until -> Nullable<Timestamp>,
        tried_while_suspended_at -> Nullable<Timestamp>,
        self_rotated -> Bool,
        first_used_at -> Nullable<Timestamp>,
        rotated_at -> Nullable<Timestamp>,
        planned_expires_at -> Nullable<Timestamp>,
        graced_at -> Nullable<Timestamp>,
        leak_reported_at -> Nullable<Timestamp>,
        leak_reported_from -> Nullable<Text>,
    }
}
diesel::table! {
    token_counts (secret_id, day) { secret_id -> Text, day -> Date, tokens -> BigInt, }
}
diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        display_name -> Text,
        organisation_id -> Nullable<Text>,
        roles -> Text,
        enabled -> Bool,
        created_at -> Timestamp,
        password_hash -> Nullable<Text>,
        totp_secret -> Nullable<Binary>,
        totp_last_step -> BigInt,
        identity_issuer -> Nullable<Text>,
        identity_subject -> Nullable<Text>,
    }
}
diesel::table! {
    recovery_codes (digest) { digest -> Binary, user_id -> Text, }
}
diesel::table! {
    enrolments (user_id) {
        user_id -> Text,
        digest -> Binary,
        expires_at -> Timestamp,
        keeps_totp -> Bool,
        password_hash -> Nullable<Text>,
        totp_secret -> Nullable<Binary>,
    }
}
diesel::table! {
    sessions (digest) {
        digest -> Binary,
        user_id -> Text,
        created_at -> Timestamp,
        last_seen_at -> Timestamp,
        source -> Nullable<Text>,
        user_agent -> Nullable<Text>,
    }
}
diesel::table! {
    sign_in_attempts (subject) {
        subject -> Binary,
        window_began_at -> Timestamp,
        attempts -> BigInt,
        account -> Nullable<Binary>,
    }
}
diesel::table! {
    credential_managers (client_id, user_id) {
        client_id -> Text,
        user_id -> Text,
        confirmed_by -> Text,
        confirmed_at -> Timestamp,
        assigned_by -> Text,
    }
}
diesel::table! {
    audit_events (sequence) {
        sequence -> BigInt,
        at -> Timestamp,
        actor -> Text,
        action -> Text,
        object -> Text,
        source -> Text,
        outcome -> Text,
        key_version -> Integer,
        mac -> Binary,
    }
}
diesel::table! {
    audit_head (id) {
        id -> Integer,
        sequence -> BigInt,
        mac -> Binary,
        sealed_sequence -> Nullable<BigInt>,
        seal_key_version -> Nullable<Integer>,
        seal -> Nullable<Binary>,
    }
}
diesel::joinable!(applications -> organisations (organisation_id));
diesel::joinable!(client_secrets -> applications (client_id));
diesel::joinable!(users -> organisations (organisation_id));
diesel::joinable!(enrolments -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(credential_managers -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(
    applications,
    change_counter,
    organisations,
    client_secrets,
    credential_managers,
    enrolments,
    permissions,
    resources,
    sessions,
    snoozed_concerns,
    users,
    webhooks,
);

diesel::table! {
    resource_servers (client_id) {
        client_id -> Text,
        name -> Text,
        digest -> Binary,
        pepper_version -> Integer,
        created_at -> Timestamp,
    }
}
diesel::table! {
    resource_server_resources (client_id, resource_id) { client_id -> Text, resource_id -> Text, }
}
diesel::table! {
    used_assertions (digest) { digest -> Binary, until -> Timestamp, }
}
diesel::table! {
    published_keys (kind, place) { kind -> Text, place -> Text, jwks -> Text, read_at -> Timestamp, }
}
diesel::table! {
    revoked_tokens (jti) { jti -> Text, expires_at -> Timestamp, }
}
diesel::table! {
    revoked_keys (kid) {
        kid -> Text,
        revoked_at -> Timestamp,
        successor_file -> Nullable<Text>,
        successor -> Nullable<Binary>,
    }
}
diesel::joinable!(resource_server_resources -> resources (resource_id));
diesel::allow_tables_to_appear_in_same_query!(resource_server_resources, resources);

diesel::table! {
    mails (id) {
        id -> Text,
        recipient -> Text,
        kind -> Text,
        digest_day -> Nullable<Date>,
        created_at -> Timestamp,
        state -> Text,
        state_at -> Timestamp,
        attempts -> Integer,
        due_at -> Timestamp,
        claimed_until -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
        sealed -> Nullable<Binary>,
        secret_id -> Nullable<Text>,
        actor -> Nullable<Text>,
        source -> Nullable<Text>,
        joined_to -> Nullable<Text>,
    }
}
diesel::table! {
    snoozed_concerns (client_id, kind) { client_id -> Text, kind -> Text, until -> Timestamp, }
}
diesel::table! {
    reminders (secret_id, threshold_days, recipient) {
        secret_id -> Text,
        threshold_days -> Integer,
        recipient -> Text,
        kind -> Text,
        mail_id -> Nullable<Text>,
        suppressed -> Bool,
        at -> Timestamp,
    }
}
diesel::table! {
    mail_preferences (user_id) { user_id -> Text, urgent_only -> Bool, }
}
diesel::table! {
    webhooks (id) {
        id -> Text,
        organisation_id -> Text,
        url -> Text,
        events -> Text,
        signing_key -> Binary,
        created_by -> Text,
        created_at -> Timestamp,
    }
}
diesel::table! {
    webhook_deliveries (id) {
        id -> Text,
        webhook_id -> Text,
        event -> Text,
        secret_id -> Text,
        created_at -> Timestamp,
        state -> Text,
        state_at -> Timestamp,
        attempts -> Integer,
        due_at -> Timestamp,
        claimed_until -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
    }
}
diesel::joinable!(reminders -> mails (mail_id));
diesel::joinable!(mail_preferences -> users (user_id));
diesel::joinable!(webhook_deliveries -> webhooks (webhook_id));
diesel::allow_tables_to_appear_in_same_query!(reminders, mails);
diesel::allow_tables_to_appear_in_same_query!(reminders, client_secrets);
diesel::allow_tables_to_appear_in_same_query!(mails, client_secrets);
diesel::allow_tables_to_appear_in_same_query!(mail_preferences, users);
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhooks);

diesel::table! {
    refusals (id) {
        id -> Text,
        kind -> Text,
        client_id -> Nullable<Text>,
        credential_id -> Nullable<Text>,
        cause -> Text,
        route -> Text,
        network -> Text,
        source -> Text,
        user_agent -> Text,
        resource -> Nullable<Text>,
        first_at -> Timestamp,
        last_at -> Timestamp,
        trace_id -> Text,
        last_trace_id -> Text,
        times -> BigInt,
    }
}
diesel::table! {
    refusal_traces (refusal_id, slot) {
        refusal_id -> Text,
        slot -> Integer,
        trace_id -> Text,
        at -> Timestamp,
    }
}
diesel::allow_tables_to_appear_in_same_query!(refusals, applications);

diesel::table! {
    seen_networks (client_id, network) {
        client_id -> Text,
        network -> Text,
        first_at -> Timestamp,
        last_at -> Timestamp,
        tokens -> BigInt,
    }
}
diesel::table! {
    token_hours (client_id, hour) { client_id -> Text, hour -> Timestamp, tokens -> BigInt, }
}
