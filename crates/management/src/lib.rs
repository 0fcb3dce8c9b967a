//! REST under role-based authorization, and people's sign-in. One file per collection: what it takes, what it answers,
//! its rules and its routes. Every change goes through an [`Allowed`], which only an authorization decision makes.

#![expect(unused_qualifications, reason = "the macros of utoipa write qualified paths")]

pub mod applications;
pub mod attention;
pub mod audit_events;
mod authorization;
mod body;
mod caller;
pub mod cursor;
pub mod docs;
pub mod documentation;
pub mod enrolment;
pub mod managers;
pub mod openid;
pub mod organisations;
pub mod page;
mod password;
pub mod permissions;
pub mod preferences;
mod problem;
pub mod resource_servers;
pub mod resources;
mod routes;
pub mod secrets;
pub mod session;
mod state;
mod totp;
pub mod users;
pub mod webhooks;

pub use authorization::Allowed;
pub use problem::Problem;
pub use routes::{configure, openapi};
pub use state::{Management, Settings};
pub use utoipa::openapi::OpenApi as OpenApiDocument;
