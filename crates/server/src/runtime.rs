//! The asynchronous runtime of the server and of commands.

/// Runs until the work ends, and does not wait for blocking threads: a hanging query would delay the process's exit
/// for as long as the database hangs.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let system = actix_web::rt::System::new();
    let outcome = system.block_on(work);
    std::mem::forget(system);
    outcome
}
