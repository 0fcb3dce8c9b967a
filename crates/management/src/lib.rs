//! The REST API under role-based authorization, and people's sign-in. One file per collection: bodies, responses,
//! rules and routes. Every change requires an [`Allowed`], which only an authorization decision creates.

#![expect(unused_qualifications, reason = "the macros of utoipa write qualified paths")]

pub mod account;
mod authorization;
mod collections;
mod documentation;
mod http;
mod leak_reports;
pub mod page;
mod rate_limit;
mod routes;
mod sign_in;
mod state;

pub use authorization::Allowed;
pub use collections::{
    applications, attention, audit_events, grace, managers, networks, organisations, permissions, policies,
    refusals, reports, resource_servers, resources, secrets, suspension, users, webhooks,
};
pub use documentation::{html as docs, openapi::Documentation};
pub use http::{cursor, problem::Problem};
pub use routes::{configure, openapi};
pub use sign_in::{enrolment, openid, preferences, session};
pub use state::{Explanations, Management, Settings, SigningCheck};
