use crate::Buf;

// Only those of the host's functions that a plugin uses end up in its module. They read
// and write what their arguments span and no more, so calling them is safe.
mod import {
    #[link(wasm_import_module = "penstock")]
    extern "C" {
        pub fn log(level: i32, ptr: *const u8, len: usize);
        pub fn error(code: i32, ptr: *const u8, len: usize);
        pub fn now_ms() -> i64;
        pub fn random_u64() -> u64;
        pub fn metric_add(name: *const u8, len: usize, value: f64);
        pub fn kv_get(key: *const u8, key_len: usize, out: *mut u8, cap: usize) -> i32;
        pub fn kv_set(key: *const u8, key_len: usize, ptr: *const u8, len: usize, ttl_s: u32) -> i32;
    }
}

/// Says that the host knows of a rejection; only [`reject`] makes it.
#[derive(Debug)]
pub struct Rejected(());

/// What a hook returns.
pub type Result<T = ()> = core::result::Result<T, Rejected>;

/// Grades a line of the log.
#[derive(Clone, Copy)]
pub enum Level { Debug, Info, Warn, Error }

/// Writes a line to the gateway's log: at most 1 KiB, and 16 lines a call.
pub fn log(level: Level, text: &str) { unsafe { import::log(level as i32, text.as_ptr(), text.len()) } }

/// Rejects the call: `return reject(400, "why")`. A code from 400 to 499 blames the
/// request, and its caller is shown the message; from 500 up the plugin blames itself.
pub fn reject<T>(code: i32, message: &str) -> Result<T> {
    unsafe { import::error(code, message.as_ptr(), message.len()) };
    Err(Rejected(()))
}

/// Unix time in milliseconds, the same during one call. Needs the grant `clock`.
pub fn now_ms() -> i64 { unsafe { import::now_ms() } }

/// A random number, the same for the same request. Needs the grant `random`.
pub fn random_u64() -> u64 { unsafe { import::random_u64() } }

/// Adds to a counter of the plugin's own. A name that is not `[a-z][a-z0-9_]*` and a value
/// below zero are faults. Needs the grant `metrics`.
pub fn metric_add(name: &str, value: f64) { unsafe { import::metric_add(name.as_ptr(), name.len(), value) } }

/// Appends what is stored under a key, and reports whether something is. Needs the grant `kv`.
pub fn kv_get(key: &[u8], into: &mut Buf) -> bool {
    let room = if into.reserve(64 << 10) { 64 << 10 } else { 0 }; // the longest value
    // Safety: the room lies behind what the buffer holds and belongs to it.
    let n = unsafe { import::kv_get(key.as_ptr(), key.len(), into.as_mut_ptr().add(into.len()), room) };
    if n > 0 && n as usize <= room { into.advance(n as usize) }
    n >= 0
}

/// Stores a value for `ttl_s` seconds, at most 86,400; 0 removes it. It reports whether
/// that was done. Needs the grant `kv`.
pub fn kv_set(key: &[u8], value: &[u8], ttl_s: u32) -> bool {
    unsafe { import::kv_set(key.as_ptr(), key.len(), value.as_ptr(), value.len(), ttl_s) == 1 }
}
