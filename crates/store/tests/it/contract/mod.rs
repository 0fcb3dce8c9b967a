//! What the store promises, each behaviour once, on SQLite and on PostgreSQL.

mod changes;
mod clients;
mod opening;
mod status_indexes;
mod usage;
