//! A proxy in front of Postgres that can be cut, stalled or slow, and that counts bytes.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

pub struct Proxy {
    pub url: String,
    link: Arc<Link>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections are accepted and held, and no data arrives.
    Stalled,
    Cut,
}

struct Link {
    way: Mutex<Way>,
    changed: Condvar,
    sockets: Mutex<Vec<TcpStream>>,
    /// Bytes to the database and back.
    carried: [AtomicU64; 2],
    /// The delay of data in milliseconds.
    delay: AtomicU64,
}

impl Proxy {
    pub fn start(database_url: &str) -> Self {
        let (user, rest) = database_url.split_once('@').unwrap();
        let (target, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{user}@{}/{database}", listener.local_addr().unwrap());
        let link = Arc::new(Link {
            way: Mutex::new(Way::Open),
            changed: Condvar::new(),
            sockets: Mutex::default(),
            carried: Default::default(),
            delay: AtomicU64::default(),
        });
        let (target, shared) = (target.to_owned(), Arc::clone(&link));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.forward(client, &target);
            }
        });
        Self { url, link }
    }

    /// Closes every connection, and new ones at once.
    pub fn cut(&self) {
        self.link.set(Way::Cut);
        for socket in self.link.sockets.lock().unwrap().drain(..) {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Holds back all data from now on, like a stopped database.
    pub fn stall(&self) {
        self.link.set(Way::Stalled);
    }

    /// Delays all data from now on, in both directions.
    pub fn slow_down(&self, milliseconds: u64) {
        self.link.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// Ends cutting and stalling; data held back is delivered.
    pub fn restore(&self) {
        self.link.set(Way::Open);
    }

    /// Bytes to the database and back so far.
    pub fn carried(&self) -> [u64; 2] {
        [0, 1].map(|direction: usize| self.link.carried[direction].load(Ordering::SeqCst))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Link {
    fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
        self.changed.notify_all();
    }

    /// Waits out a stall; whether the link is open then.
    fn passes(&self) -> bool {
        let way = self.way.lock().unwrap();
        let way = self.changed.wait_while(way, |way| *way == Way::Stalled).unwrap();
        *way == Way::Open
    }

    fn forward(self: &Arc<Self>, client: TcpStream, target: &str) {
        let mut sockets = self.sockets.lock().unwrap();
        if *self.way.lock().unwrap() == Way::Cut {
            return;
        }
        let server = TcpStream::connect(target).unwrap();
        for (direction, from, to) in [(0, &client, &server), (1, &server, &client)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let link = Arc::clone(self);
            thread::spawn(move || link.carry(direction, from, to));
        }
        sockets.extend([client, server]);
    }

    /// Whatever the result, both directions end with it.
    fn carry(&self, direction: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
            if !self.passes() {
                break;
            }
            // Counted before delivery, so that it includes everything that has been answered.
            self.carried[direction].fetch_add(length as u64, Ordering::SeqCst);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        for socket in [from, to] {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
