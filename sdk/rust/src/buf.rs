use core::fmt::Write;
use core::ops::{Deref, DerefMut};
use core::{ptr, slice, str};

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

    pub(crate) fn advance(&mut self, n: usize) { self.len += n }

    /// Makes room for `more` bytes, or reports that there is none.
    pub fn reserve(&mut self, more: usize) -> bool {
        if more > self.cap - self.len && !self.full { self.grow(more) }
        !self.full
    }

    /// Grows in place if nothing lies behind, else moves behind everything.
    fn grow(&mut self, more: usize) {
        let (end, top) = (self.at as usize + self.cap, MEMORY.top.get());
        let at = if end == top { self.at as usize } else { (top + 15) & !15 };
        let least = self.len.saturating_add(more);
        let size = least.max(2 * self.cap).max(1024);
        self.cap = if claim(at, size) { size } else { least };
        self.full = self.cap < size && !claim(at, least);
        if self.full { return self.cap = self.len }
        // Safety: both regions are this buffer's and hold at least len bytes.
        unsafe { ptr::copy(self.at, at as *mut u8, self.len) };
        self.at = at as *mut u8;
    }

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

    /// Appends text as a JSON string: quoted, escaped as far as JSON requires, and U+FFFD
    /// for each byte that is not UTF-8.
    pub fn append_text(&mut self, text: impl AsRef<[u8]>) {
        let mut rest = text.as_ref();
        self.push(b'"');
        while let Some(&c) = rest.first() {
            let plain = rest.iter().take_while(|&&c| c >= b' ' && c != b'"' && c != b'\\' && c < 0x80).count();
            self.append(&rest[..plain]);
            rest = &rest[plain..];
            let _ = c;
            match rest.first() { Some(c) => { self.push(*c); rest = &rest[1..]; } None => break }
        }
        self.push(b'"');
    }

    /// Appends the shortest text that reads as exactly this number, without a dot if it is
    /// whole; null for infinities and NaN.
    pub fn append_number(&mut self, x: f64) {
        let size = x.max(-x);
        let _ = match size {
            _ if size < 9e15 && (x as i64 as f64).to_bits() == x.to_bits() => return self.append_whole(x as i64),
            _ if !x.is_finite() => self.write_str("null"),
            _ if (1e-7..1e21).contains(&size) => write!(self, "{}", x),
            _ => write!(self, "{:e}", x),
        };
    }

    /// Appends a whole number.
    pub fn append_whole(&mut self, n: i64) {
        let (mut digits, mut at, mut rest) = ([b'-'; 20], 20, n.unsigned_abs());
        while at == 20 || rest > 0 {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.append(&digits[at - (n < 0) as usize..]);
    }
}

/// Memory that nothing lies behind is free again when its buffer ends. (What the host
/// reads of an answer stays as it is until the next call.)
impl Drop for Buf {
    fn drop(&mut self) {
        if self.at as usize + self.cap == MEMORY.top.get() { MEMORY.top.set(self.at as usize) }
    }
}

impl Write for Buf {
    fn write_str(&mut self, s: &str) -> core::fmt::Result { Ok(self.append(s)) }
}

// Safety: the first len bytes of the region were written by the buffer that owns it.
impl Deref for Buf {
    type Target = [u8];
    fn deref(&self) -> &[u8] { unsafe { slice::from_raw_parts(self.at, self.len) } }
}
impl DerefMut for Buf {
    fn deref_mut(&mut self) -> &mut [u8] { unsafe { slice::from_raw_parts_mut(self.at, self.len) } }
}
