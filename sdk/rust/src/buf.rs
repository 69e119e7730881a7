use core::{ops::{Deref, DerefMut}, ptr, slice};

use crate::{claim, MEMORY};

/// Bytes that grow: the answer of a call, or whatever else a hook needs room for. One
/// that can't grow any more is full and takes nothing from then on; a call whose answer
/// is full is rejected.
pub struct Buf { at: *mut u8, len: usize, cap: usize, full: bool }

impl Buf {
    /// An empty buffer, which takes memory when something is appended.
    pub const fn new() -> Buf { Buf { at: 16 as *mut u8, len: 0, cap: 0, full: false } }

    /// Whether something did not fit.
    pub fn is_full(&self) -> bool { self.full }

    /// Shortens the buffer to `len` bytes, if it has more.
    pub fn truncate(&mut self, len: usize) { self.len = self.len.min(len) }

    /// Makes room for `more` bytes, or reports that there is none. A buffer grows in place
    /// if nothing lies behind it, else it moves behind everything.
    pub(crate) fn reserve(&mut self, more: usize) -> bool {
        if more <= self.cap - self.len || self.full { return !self.full }
        let (end, top) = (self.at as usize + self.cap, MEMORY.top.get());
        let at = if end == top { self.at as usize } else { (top + 15) & !15 };
        let least = self.len.saturating_add(more);
        self.full = !claim(at, least.max(2 * self.cap).max(1024)) && !claim(at, least);
        if self.full { return false }
        // Safety: both regions are this buffer's and hold at least len bytes.
        unsafe { ptr::copy(self.at, at as *mut u8, self.len) };
        (self.at, self.cap) = (at as *mut u8, MEMORY.top.get() - at);
        true
    }

    pub(crate) fn advance(&mut self, n: usize) { self.len += n }

    /// Appends one byte.
    pub fn push(&mut self, byte: u8) { self.append([byte]) }

    /// Appends bytes as they are.
    pub fn append(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if self.reserve(bytes.len()) {
            // Safety: there is room, and what is borrowed elsewhere lies elsewhere.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.at.add(self.len), bytes.len()) };
            self.len += bytes.len();
        }
    }
}

/// Memory that nothing lies behind is free again when its buffer ends. (What the host
/// reads of an answer stays as it is until the next call.)
impl Drop for Buf {
    fn drop(&mut self) {
        if self.at as usize + self.cap == MEMORY.top.get() { MEMORY.top.set(self.at as usize) }
    }
}

// Safety: the first len bytes of the region were written by the buffer that owns it.
impl Deref for Buf {
    type Target = [u8];
    fn deref(&self) -> &[u8] { unsafe { slice::from_raw_parts(self.at, self.len) } }
}
impl DerefMut for Buf {
    fn deref_mut(&mut self) -> &mut [u8] { unsafe { slice::from_raw_parts_mut(self.at, self.len) } }
}
