//! Checks whether the server could listen now. A running server with the same configuration is recognised by its
//! metadata under the public URL.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    path::Path,
    time::Duration,
};

use rustls::{StreamOwned, pki_types::CertificateDer};

use super::pinned;
use crate::{Outcome, configuration::Server, tls};

const PATIENCE: Duration = Duration::from_secs(2);
/// Limit of the answer: more than any server's metadata.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// The result of trying to listen.
#[derive(Default)]
pub struct Tried {
    /// Ports that can't be bound.
    pub problems: Vec<String>,
    /// Ports that could not be tried.
    pub notes: Vec<String>,
}

/// Binds both addresses for a moment.
pub fn try_listening(server: &Server) -> Tried {
    let mut tried = Tried::default();
    let Err(error) = TcpListener::bind(&server.bind) else {
        tell(&mut tried, "server.metrics_bind", server.metrics_bind.as_deref());
        return tried;
    };
    if error.kind() == io::ErrorKind::AddrInUse && is_own(server).unwrap_or(false) {
        let note = format!("this server runs already and listens on {}", server.bind);
        tried.notes.push(note);
        return tried;
    }
    sort(&mut tried, ("server.bind", &server.bind), &error);
    tell(&mut tried, "server.metrics_bind", server.metrics_bind.as_deref());
    tried
}

fn tell(tried: &mut Tried, key: &str, address: Option<&str>) {
    if let Some(address) = address
        && let Err(error) = TcpListener::bind(address)
    {
        sort(tried, (key, address), &error);
    }
}

/// Sorts a bind error into problems and notes: the service unit may have a permission for ports below 1024 that the
/// caller of `check` lacks.
fn sort(tried: &mut Tried, (key, address): (&str, &str), error: &io::Error) {
    match error.kind() {
        io::ErrorKind::PermissionDenied => tried.notes.push(format!(
            "{key} {address}: this user may not listen there; the server needs root or the capability CAP_NET_BIND_SERVICE for it"
        )),
        _ => tried.problems.push(format!(
            "{key} {address}: {error}; end what uses the address, or choose another port or address"
        )),
    }
}

/// Whether the listening server's metadata has `server.public_url` as issuer.
fn is_own(server: &Server) -> Outcome<bool> {
    let mut address = server.bind.to_socket_addrs()?.next().ok_or("no address")?;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let said = match &server.tls_cert {
        None => ask(stream)?,
        Some(certificate) => ask(StreamOwned::new(pinned::connection(own(certificate)?)?, stream))?,
    };
    Ok(said.contains(&format!("\"issuer\":\"{}\"", server.public_url)))
}

fn ask(mut stream: impl Read + Write) -> Outcome<String> {
    let question = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(question.as_bytes())?;
    let mut answer = Vec::new();
    // A TLS connection closed without `close_notify` has sent everything.
    let _ = stream.take(LONGEST_ANSWER).read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn own(certificate: &Path) -> Outcome<CertificateDer<'static>> {
    let mut chain = tls::chain(certificate)?.into_iter();
    Ok(chain.next().ok_or("no certificate")?)
}
