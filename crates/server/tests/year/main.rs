//! A year of simulated time over the real handlers of two nodes on one database: systems that rotate their secrets
//! themselves, managers who suspend and restore, managers who forget, and secrets that get a grace period on their
//! last day. Every answer to a token request and every mail is compared with what follows from the plot alone.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, is random, and reads its environment"
)]

mod cast;
mod nodes;
mod oracle;
mod plot;
mod systems;
mod table;
mod world;

use crate::{cast::Cast, oracle::Expected, plot::Plot, table::Table, world::World};

async fn nothing_stops_that_should_go_on_and_nothing_goes_on_that_should_stop(world: World) {
    let plot = Plot::make();
    let mut cast = Cast::of(world, &plot).await;
    cast.play(&plot).await;
    let expected = Expected::of(&plot);
    let table = Table::of(&plot, &expected, &cast.seen);
    println!("{table}");
    expected.compare(&cast.seen);
    table.compare_with_the_guide();
}

#[actix_web::test]
async fn sqlite() {
    nothing_stops_that_should_go_on_and_nothing_goes_on_that_should_stop(World::sqlite().await).await;
}

#[actix_web::test]
async fn postgres() {
    nothing_stops_that_should_go_on_and_nothing_goes_on_that_should_stop(World::postgres().await).await;
}
