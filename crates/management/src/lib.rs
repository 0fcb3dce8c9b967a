//! REST under role-based authorization, and people's sign-in. One file per collection: what it takes, what it answers,
//! its rules and its routes. Every change goes through an [`Allowed`], which only an authorization decision makes.

#![expect(unused_qualifications, reason = "the macros of utoipa write qualified paths")]

pub mod account;
mod authorization;
mod collections;
mod documentation;
mod http;
mod leak_reports;
mod pace;
pub mod page;
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
