//! An SMTP server on loopback: `mailin` implements the protocol, the test decides how well it works.

use std::{
    io::{BufRead, BufReader, Write},
    net::{IpAddr, Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use chrono::{DateTime, Utc};
use mailin::{Action, Handler, Response, Session, SessionBuilder, response};
use mailparse::{MailHeaderMap, ParsedMail, parse_mail};

use crate::world::HandClock;

/// The server's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It works.
    Well,
    /// It accepts the connection and closes it.
    Down,
    /// It never answers.
    Hanging,
    /// It rejects each recipient temporarily.
    Busy,
    /// It rejects each recipient permanently, like a misconfigured relay.
    Refusing,
    /// It accepts the mail, but the connection breaks before its reply.
    BreaksAfterData,
}

/// A mail that the server accepted.
#[derive(Clone)]
pub struct Received {
    pub at: DateTime<Utc>,
    pub to: String,
    pub raw: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> String {
        self.parsed(|mail| mail.headers.get_first_value(name).unwrap_or_default())
    }

    /// The decoded text of the first part of this type.
    pub fn part(&self, kind: &str) -> Option<String> {
        self.parsed(|mail| {
            let part = mail.parts().find(|part| part.ctype.mimetype == kind);
            part.map(|part| part.get_body().unwrap())
        })
    }

    pub fn text(&self) -> String {
        self.part("text/plain").unwrap()
    }

    fn parsed<T>(&self, read: impl FnOnce(&ParsedMail<'_>) -> T) -> T {
        read(&parse_mail(&self.raw).unwrap())
    }
}

struct State {
    mood: Mood,
    /// Recipients that are rejected permanently.
    unknown: Vec<String>,
    received: Vec<Received>,
}

/// The running server.
#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    clock: Arc<HandClock>,
    port: u16,
}

impl Server {
    pub fn start(clock: Arc<HandClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            state: Arc::new(Mutex::new(State {
                mood: Mood::Well,
                unknown: Vec::new(),
                received: Vec::new(),
            })),
            clock,
            port: listener.local_addr().unwrap().port(),
        };
        let own = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = own.clone();
                // A client may disconnect early.
                thread::spawn(move || drop(server.talk(&stream)));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub fn refuse(&self, recipient: &str) {
        self.state.lock().unwrap().unknown.push(recipient.to_owned());
    }

    /// The mails accepted since the last call.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.state.lock().unwrap().received)
    }

    fn mood(&self) -> Mood {
        self.state.lock().unwrap().mood
    }

    fn talk(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let handler = Mailbox {
            server: self.clone(),
            to: Vec::new(),
            raw: Vec::new(),
        };
        let mut session = SessionBuilder::new("mail.test").build(IpAddr::V4(Ipv4Addr::LOCALHOST), handler);
        let mut answer = session.greeting();
        loop {
            match self.mood() {
                Mood::Down => return Ok(()),
                Mood::Hanging => thread::sleep(Duration::from_secs(3)),
                Mood::BreaksAfterData if answer.code == 299 => return Ok(()),
                _ => {}
            }
            if answer.action != Action::NoReply {
                stream.write_all(&answer.buffer()?)?;
            }
            if answer.action == Action::Close {
                return Ok(());
            }
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            answer = process(&mut session, &line);
        }
    }
}

fn process(session: &mut Session<Mailbox>, line: &[u8]) -> Response {
    session.process(line)
}

struct Mailbox {
    server: Server,
    to: Vec<String>,
    raw: Vec<u8>,
}

impl Handler for Mailbox {
    fn rcpt(&mut self, to: &str) -> Response {
        let to = to.trim_matches(['<', '>']).to_owned();
        let state = self.server.state.lock().unwrap();
        if state.unknown.contains(&to) || state.mood == Mood::Refusing {
            return response::NO_MAILBOX;
        }
        if state.mood == Mood::Busy {
            return response::OUT_OF_SPACE;
        }
        self.to = vec![to];
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.raw.extend_from_slice(line);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let raw = std::mem::take(&mut self.raw);
        let mut state = self.server.state.lock().unwrap();
        for to in self.to.drain(..) {
            let at = self.server.clock.get();
            state.received.push(Received {
                at,
                to,
                raw: raw.clone(),
            });
        }
        if state.mood == Mood::BreaksAfterData {
            return Response::custom(299, "never said".to_owned());
        }
        response::OK
    }
}
