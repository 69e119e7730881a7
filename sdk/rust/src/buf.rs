use core::ops::{Deref, DerefMut};
use core::{ptr, slice, str};

use crate::{claim, Json, MEMORY};

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
            let run = rest.iter().take(256).take_while(|&&c| c >= b' ' && c != b'"' && c != b'\\').count();
            let good = str::from_utf8(&rest[..run]).map_or_else(|e| e.valid_up_to(), str::len);
            match c {
                _ if good > 0 => self.append(&rest[..good]),
                b'\n' => self.append("\\n"),
                b'"' | b'\\' => self.append([b'\\', c]),
                0..=31 => self.append([b'\\', b'u', b'0', b'0', b'0' + (c >> 4), b"0123456789abcdef"[c as usize & 15]]),
                _ => self.append("\u{fffd}"),
            }
            rest = &rest[good.max(1)..];
        }
        self.push(b'"');
    }

    /// Appends text that reads as exactly this number, without a dot if it is whole: the
    /// shortest if that has 15 digits or less, else 17. It is null for infinities and NaN.
    pub fn append_number(&mut self, x: f64) {
        let (size, mut scale) = (x.max(-x), 1);
        if !x.is_finite() { return self.append("null") }
        if x < 0.0 { self.push(b'-') }
        for k in 0..16 {
            let digits = (size * scale as f64 + 0.5) as u64;
            if digits < 9_000_000_000_000_000 && digits as f64 / scale as f64 == size {
                self.append_whole((digits / scale) as i64);
                let dot = self.len;
                if k > 0 { self.append_whole((digits % scale + scale) as i64) } // a 1, and k digits
                if k > 0 && !self.full { self[dot] = b'.' }
                return;
            }
            scale *= 10;
        }
        // An estimate of the digits is off by a few; one of those around it is right.
        let e = ((size.to_bits() >> 52) as i64 - 1023) * 1233 / 4096 - 16;
        let guess = (size * ten(-e / 2) * ten(-e - -e / 2)) as i64;
        let from = self.len;
        for k in 0..5000 {
            self.append_whole(if k % 2 == 0 { guess + k / 2 } else { guess - k / 2 });
            self.push(b'e');
            self.append_whole(e);
            if Json::new(&self[from..]).number() == Some(size) { return }
            self.truncate(from);
        }
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

/// Ten to the power of e.
fn ten(e: i64) -> f64 {
    let mut text = Buf::new();
    text.append("1e");
    text.append_whole(e);
    Json::new(&text).number().unwrap_or(1.0)
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
