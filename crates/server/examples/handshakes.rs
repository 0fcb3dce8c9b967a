//! What the server's TLS is measured against: rustls behind a socket, with one answer to every request. `cargo xtask bench`
//! runs it beside the server, with the same certificate.

use std::{error::Error, io, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

fn configuration(certificate: &str, key: &str) -> Result<ServerConfig, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let mut configuration = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    configuration.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(configuration)
}

async fn answer(acceptor: TlsAcceptor, socket: TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(socket).await?;
    // The whole of a short request comes at once.
    let asked = stream.read(&mut [0; 1024]).await?;
    if asked > 0 {
        stream.write_all(ANSWER).await?;
    }
    stream.shutdown().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut files = std::env::args().skip(1);
    let (Some(certificate), Some(key)) = (files.next(), files.next()) else {
        return Err("usage: handshakes CERTIFICATE KEY".into());
    };
    let acceptor = TlsAcceptor::from(Arc::new(configuration(&certificate, &key)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("https://{}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(acceptor, socket).await {
                eprintln!("{error}");
            }
        });
    }
}
