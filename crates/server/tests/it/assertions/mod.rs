//! Client authentication with keys: at the token endpoints, and their registration. Expected values come from
//! RFC 7523, RFC 8725, FAPI 2.0 and what Microsoft's libraries send.

mod bad_input;
mod certificates;
mod federated;
mod profile;
mod registration;
mod replay;
mod right;
