//! Asynchronous log output: log lines are appended to a buffer, which a thread writes. A busy server is not woken for
//! each line, and a blocked reader costs log lines instead of requests.

use std::{
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

/// Capacity of the buffer in bytes; further lines are dropped.
const CAPACITY: usize = 4 * 1024 * 1024;
/// How long lines are batched before a write.
const GATHER: Duration = Duration::from_millis(10);
/// How long process exit waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The process's log; flushes when dropped.
pub struct LogWriter {
    shared: Arc<Shared>,
    /// Disconnects when the thread ends.
    ended: Receiver<()>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    lost: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    is_last: bool,
}

impl Shared {
    /// No code panics while it holds this lock, so poisoning is ignored.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines and swaps the buffer for an empty one; false after the last.
    fn take(&self, text: &mut Vec<u8>) -> bool {
        let nothing = |waiting: &mut Waiting| waiting.text.is_empty() && !waiting.is_last;
        let waiting = self.changed.wait_while(self.waiting(), nothing);
        let is_last = waiting.unwrap_or_else(PoisonError::into_inner).is_last;
        if !is_last {
            thread::sleep(GATHER);
        }
        std::mem::swap(&mut self.waiting().text, text);
        is_last
    }

    fn write_to(&self, mut out: impl Write) {
        let mut text = Vec::new();
        loop {
            let is_last = self.take(&mut text);
            let left = unwritten(&mut out, &text);
            let lines = left.iter().filter(|byte| **byte == b'\n').count();
            self.lost.fetch_add(lines, Ordering::Relaxed);
            text.clear();
            if is_last {
                return;
            }
        }
    }
}

/// The rest that can't be written: a full disk costs lines, like a blocked reader.
fn unwritten<'text>(out: &mut impl Write, mut text: &'text [u8]) -> &'text [u8] {
    while !text.is_empty() {
        match out.write(text) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return text,
            Ok(written) => text = text.get(written..).unwrap_or_default(),
        }
    }
    // A failing flush loses nothing: what can't be written is counted already.
    let _ = out.flush();
    text
}

impl LogWriter {
    /// Starts the thread that writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let (end, ended) = channel();
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            own.write_to(out);
            drop(end);
        });
        Self { shared, ended }
    }

    /// A writer that takes one line per write.
    pub fn lines(&self) -> impl Write + Send + 'static {
        Lines(Arc::clone(&self.shared))
    }

    /// Counts dropped lines.
    pub fn lost(&self) -> impl Fn() -> usize + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.waiting().is_last = true;
        self.shared.changed.notify_one();
        let _ = self.ended.recv_timeout(LAST_LINES);
    }
}

struct Lines(Arc<Shared>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting();
        let was_empty = waiting.text.is_empty();
        if waiting.text.len() + line.len() > CAPACITY {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            waiting.text.extend_from_slice(line);
        }
        drop(waiting);
        if was_empty {
            self.0.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records what was written, in order.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn x01_every_line_is_written_in_order_when_the_process_ends() {
        let written = Written::default();
        let log = LogWriter::start(written.clone());
        let mut lines = log.lines();
        let expected: String = (0..1000).map(|number| format!("line {number}\n")).collect();
        for line in expected.split_inclusive('\n') {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(log.lost()(), 0);
        drop(log);
        assert_eq!(
            String::from_utf8(written.0.lock().unwrap().clone()).unwrap(),
            expected
        );
    }

    /// A blocked reader.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            loop {
                thread::park();
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn x01_who_does_not_read_loses_whole_lines_and_they_are_counted() {
        let log = LogWriter::start(Full);
        let mut lines = log.lines();
        let line = [b'x'; 1024];
        // The thread's buffer and the waiting one: two at most.
        for _ in 0..3 * CAPACITY / line.len() {
            lines.write_all(&line).unwrap();
        }
        let lost = log.lost()();
        assert!(lost >= CAPACITY / line.len(), "{lost}");
        assert!(log.shared.waiting().text.len() <= CAPACITY);
    }

    /// A disk with this much space.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let written = text.len().min(self.0);
            self.0 -= written;
            match written {
                0 => Err(io::ErrorKind::StorageFull.into()),
                some => Ok(some),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn x01_lines_that_find_no_room_are_counted_half_ones_too() {
        let log = LogWriter::start(Disk(25));
        let mut lines = log.lines();
        for _ in 0..5 {
            lines.write_all(b"ten bytes\n").unwrap();
        }
        let lost = log.lost();
        drop(log);
        assert_eq!(lost(), 3);
    }
}
