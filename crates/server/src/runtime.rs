//! The asynchronous runtime of a command.

/// Runs until the server ends, and waits for nothing else: a query that hangs would hold the runtime's end, and with it
/// the process, for as long as the database does.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let system = actix_web::rt::System::new();
    let outcome = system.block_on(work);
    std::mem::forget(system);
    outcome
}
