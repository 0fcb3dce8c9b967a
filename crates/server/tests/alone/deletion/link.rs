//! A node's connection to Postgres, which can be cut, stalled and slowed down.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

const OPEN: u64 = 0;
const CUT: u64 = u64::MAX;
/// Data is held back until the link is open again, then delivered late.
const STALLED: u64 = u64::MAX - 1;

/// The link; its state is a delay in milliseconds, or one of the constants.
pub struct Link {
    pub url: String,
    state: Arc<AtomicU64>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Link {
    pub fn to(database_url: &str) -> Self {
        let (user, rest) = database_url.split_once('@').unwrap();
        let (target, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Self {
            url: format!("{user}@{}/{database}", listener.local_addr().unwrap()),
            state: Arc::new(AtomicU64::new(OPEN)),
            sockets: Arc::default(),
        };
        let (target, state, sockets) = (
            target.to_owned(),
            Arc::clone(&link.state),
            Arc::clone(&link.sockets),
        );
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accept(client, &target, &state, &sockets);
            }
        });
        link
    }

    pub fn open(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
    }

    /// Closes every connection and accepts no new one.
    pub fn cut(&self) {
        self.state.store(CUT, Ordering::SeqCst);
        for socket in self.sockets.lock().unwrap().drain(..) {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub fn stall(&self) {
        self.state.store(STALLED, Ordering::SeqCst);
    }

    pub fn delay(&self, by: Duration) {
        self.state.store(by.as_millis() as u64, Ordering::SeqCst);
    }
}

fn accept(client: TcpStream, target: &str, state: &Arc<AtomicU64>, sockets: &Mutex<Vec<TcpStream>>) {
    if state.load(Ordering::SeqCst) == CUT {
        return;
    }
    let Ok(server) = TcpStream::connect(target) else {
        return;
    };
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let state = Arc::clone(state);
        thread::spawn(move || pump(from, to, &state));
    }
    sockets.lock().unwrap().extend([client, server]);
}

fn pump(mut from: TcpStream, mut to: TcpStream, state: &AtomicU64) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        hold_back(state);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // Whatever the result, both directions end with it.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn hold_back(state: &AtomicU64) {
    loop {
        match state.load(Ordering::SeqCst) {
            OPEN | CUT => return,
            STALLED => thread::sleep(Duration::from_millis(5)),
            delay => return thread::sleep(Duration::from_millis(delay)),
        }
    }
}
