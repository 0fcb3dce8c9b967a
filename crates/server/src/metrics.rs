//! `GET /metrics` on an address of its own, for the operator's network and nobody else's.

use std::net::TcpListener;

use actix_web::{App, HttpServer, web};
use token_endpoint::TokenService;

use crate::Outcome;

/// Serves metrics beside the server; they end with the process.
pub fn spawn(listener: TcpListener, service: web::Data<TokenService>) -> Outcome<()> {
    log::info!("metrics at http://{}/metrics", listener.local_addr()?);
    let app = move || {
        App::new()
            .app_data(service.clone())
            .service(token_endpoint::readable("/metrics", token_endpoint::show_metrics))
    };
    let server = HttpServer::new(app).workers(1).disable_signals();
    actix_web::rt::spawn(server.listen(listener)?.run());
    Ok(())
}
