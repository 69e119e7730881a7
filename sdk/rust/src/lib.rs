//! The guest side of Penstock's plugin contract, for Rust: the host's functions, the
//! buffers of a call, JSON read in place and written, the flat routing record and the
//! frames of event hooks. It needs no other crate, and not the standard library.
//!
//! A hook reads its input and appends its answer to a [`Buf`]; an empty answer means "no
//! opinion". [`plugin!`] exports it. An instance is called by one thread at a time and
//! keeps nothing from call to call but its settings.
#![no_std]

mod buf;
mod flat;
mod host;
mod json;

pub use {buf::Buf, flat::*, host::*, json::{Json, Kind, Walk}};

use core::{arch::wasm32, cell::Cell, ptr, slice};

/// The version of the contract, major << 16 | minor.
pub const ABI_VERSION: i32 = 1 << 16 | 1;
/// The longest input that is taken and the most memory that an instance asks for, in
/// bytes. What the input leaves of it is for the answer and whatever else a call needs.
pub const MAX_INPUT: usize = 5 << 20;
pub const MAX_MEMORY: usize = 16 << 20;

/// Turns an input into an answer. Both are gone when the next call comes.
pub type Hook = fn(input: &[u8], out: &mut Buf) -> Result;

/// Writes a plugin's exports: `plugin! { route: rank, init: settings }` makes
/// `penstock_route` call the hook `rank`, and `penstock_init` the hook `settings`. What
/// penstock_init got stays readable as [`config`].
#[macro_export]
macro_rules! plugin {
    ($($name:ident: $hook:path),+ $(,)?) => {
        #[no_mangle] extern "C" fn penstock_abi_version() -> i32 { $crate::ABI_VERSION }
        #[no_mangle] extern "C" fn penstock_alloc(size: u32) -> u32 { $crate::alloc(size) }
        $(const _: () = {
            #[export_name = concat!("penstock_", stringify!($name))]
            extern "C" fn hook(ptr: u32, len: u32) -> u64 { $crate::plugin!(@ $name)($hook, ptr, len) }
        };)+
    };
    (@ init) => { $crate::init };
    (@ $name:ident) => { $crate::call };
}

/// How the memory behind the program's own is used: the settings, then the input and
/// zeros, then what the call takes, its answer above all. Each call begins anew behind the
/// settings, so that memory is used again.
struct Memory {
    /// Where the input begins and ends, and where free memory does; 0 before the first call.
    input: Cell<usize>, end: Cell<usize>, top: Cell<usize>,
    config: Cell<&'static [u8]>,
    /// The list or object that was gone through last, and where it ends.
    passed: Cell<(*const u8, *const u8)>,
}

// Safety: an instance is called by one thread at a time.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory { input: Cell::new(0), end: Cell::new(0), top: Cell::new(0), config: Cell::new(&[]),
    passed: Cell::new((ptr::null(), ptr::null())) };

/// Takes the memory from `at` for `size` bytes and frees what lies behind, or reports
/// that this is more than there may be.
fn claim(at: usize, size: usize) -> bool {
    let more = ((at + size + 0xffff) >> 16).saturating_sub(wasm32::memory_size(0));
    let room = size <= MAX_MEMORY && at + size <= MAX_MEMORY && (more == 0 || wasm32::memory_grow(0, more) != usize::MAX);
    if room { MEMORY.top.set(at + size) }
    room
}

extern "C" { static __heap_base: u8; } // the linker's: the end of what the program itself uses

/// Gives the host room for `size` bytes of input and forgets the call before; 0 refuses.
#[allow(unused_unsafe)] // newer compilers know that taking an address is safe
pub fn alloc(size: u32) -> u32 {
    if MEMORY.input.get() == 0 { MEMORY.input.set(unsafe { ptr::addr_of!(__heap_base) } as usize) }
    let (at, size) = (MEMORY.input.get(), size as usize);
    if size > MAX_INPUT || !claim(at, size + 16) { return 0 }
    MEMORY.end.set(at + size);
    unsafe { ((at + size) as *mut u128).write_unaligned(0) };
    at as u32
}

/// Runs a hook on the input at `ptr` and packs its answer: address << 32 | length. 0 is no
/// opinion, or a rejection.
pub fn call(hook: Hook, ptr: u32, len: u32) -> u64 {
    let mut out = Buf::new();
    if ptr == 0 || ptr as usize != MEMORY.input.get() || (ptr + len) as usize != MEMORY.end.get() {
        return reject(500, "the input is not where penstock_alloc put it").unwrap_or(0);
    }
    // Safety: the region was claimed, and nobody writes to it before the next alloc.
    match hook(unsafe { slice::from_raw_parts(ptr as *const u8, len as usize) }, &mut out) {
        Ok(()) if out.is_full() => reject(500, "the answer takes too much memory").unwrap_or(0),
        Ok(()) if !out.is_empty() => (out.as_ptr() as u64) << 32 | out.len() as u64,
        _ => 0,
    }
}

/// Runs a hook on the settings and keeps them: later inputs lie behind them.
pub fn init(hook: Hook, ptr: u32, len: u32) -> u64 {
    // Safety: as in call, which refuses any other place.
    MEMORY.config.set(unsafe { slice::from_raw_parts(ptr as *const u8, len as usize) });
    call(hook, ptr, len);
    MEMORY.input.set((MEMORY.end.get() + 15) & !15);
    0
}

/// The operator's settings for the plugin, if it has a hook `init`.
pub fn config() -> Json<'static> { Json::new(MEMORY.config.get()).member("config") }

/// A panic ends the call as a fault, without a message: texts would double a module's size.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { wasm32::unreachable() }
