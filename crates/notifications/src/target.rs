//! Names of webhook receivers, resolved: what is not public is refused at the moment of connecting, so that a name that
//! changes its address between check and use gains nothing.

use std::net::SocketAddr;

use domain::webhook::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves as the system does, and keeps public addresses alone.
pub(crate) struct PublicNames {
    pub(crate) allow_private: bool,
}

/// The name stands for nothing public.
#[derive(Debug, thiserror::Error)]
#[error("the name stands for no public address; webhooks.allow_private = true would allow it")]
struct NotPublic;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found
                .filter(|address| allow_private || is_public(address.ip()))
                .collect();
            if good.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
