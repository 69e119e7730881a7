use core::{mem, ptr, slice, str};

use crate::{Buf, MEMORY};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind { Missing, Null, False, True, Number, Text, List, Object }

/// A JSON value: a place in a text. Nothing is copied or built, nothing recurses, and
/// nothing is checked, since the host vouches for what it sends: text that is not JSON is
/// answered with something or other. Behind every text lies a zero byte, which nothing
/// goes past, so the end needs no looking after.
#[derive(Clone, Copy)]
pub struct Json<'a>(&'a u8);

impl<'a> Json<'a> {
    /// The value that a text is. One that is not the end of the call's input is copied.
    pub fn new(text: &'a [u8]) -> Json<'a> {
        MEMORY.passed.set((ptr::null(), ptr::null())); // another text may have lain here
        // Safety: there are zeros behind the input, and the copy lasts as long as the call.
        if text.as_ptr() as usize + text.len() == MEMORY.end.get() { return Json(unsafe { &*text.as_ptr() }) }
        let mut copy = Buf::new();
        copy.append(text);
        copy.append([0; 16]);
        if copy.is_full() { Json::missing() } else { Json(unsafe { &*mem::ManuallyDrop::new(copy).as_ptr() }) }
    }

    /// A value that is not there.
    pub const fn missing() -> Json<'a> { Json(&0) }

    pub fn kind(self) -> Kind {
        match *self.0 {
            b'n' => Kind::Null,
            b'f' => Kind::False,
            b't' => Kind::True,
            b'"' => Kind::Text,
            b'[' => Kind::List,
            b'{' => Kind::Object,
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => Kind::Missing,
        }
    }

    /// Whether there is no value, or the value null.
    pub fn null(self) -> bool { matches!(self.kind(), Kind::Missing | Kind::Null) }

    /// The value as it is spelled.
    pub fn raw(self) -> &'a [u8] { between(self.0, end(self.0)) }

    /// A text's spelling between its quotes; None of what is none.
    pub fn inside(self) -> Option<&'a [u8]> { self.raw().strip_prefix(b"\"")?.strip_suffix(b"\"") }

    /// What is spelled before a value that lies within this one, and what from there on.
    pub fn before(self, part: Json<'a>) -> &'a [u8] { &self.raw()[..between(self.0, part.0).len()] }
    pub fn from(self, part: Json<'a>) -> &'a [u8] { &self.raw()[between(self.0, part.0).len()..] }

    /// The first member of an object with this name, or a missing value.
    pub fn member(self, name: &str) -> Json<'a> {
        self.members().find(|(n, _)| n.is(name)).map_or(Json::missing(), |(_, value)| value)
    }

    /// The members of an object, each a name, which is a text, and a value.
    #[inline(always)] pub fn members(self) -> Walk<'a> { Walk { whole: self.0, open: b'{', value: None } }

    /// The items of a list; none of what is no list.
    #[inline(always)] pub fn items(self) -> impl Iterator<Item = Json<'a>> {
        Walk { whole: self.0, open: b'[', value: None }.map(|(_, item)| item)
    }

    /// Whether this is the text. Most are told by their first letter.
    #[inline(always)] pub fn is(self, text: &str) -> bool {
        let (c, first) = (*after(self.0, 1), text.as_bytes().first().copied().unwrap_or(b'"'));
        (c == first || c == b'\\') && self.equals(text)
    }

    #[inline(always)] fn equals(self, text: &str) -> bool {
        let mut at = after(self.0, 1);
        for &c in text.as_bytes() {
            if *at != c || c == b'"' || c == b'\\' { break }
            at = after(at, 1);
        }
        if *at == b'\\' {
            let mut decoded = Buf::new();
            return self.text(&mut decoded) && *decoded == *text.as_bytes();
        }
        *self.0 == b'"' && *at == b'"' && between(self.0, at).len() == text.len() + 1
    }

    /// Appends a text, decoded, and reports whether this is one. U+FFFD stands for half a
    /// surrogate pair.
    pub fn text(self, into: &mut Buf) -> bool {
        if *self.0 != b'"' { return false }
        let mut at = after(self.0, 1);
        loop {
            let run = special(at);
            into.append(between(at, run));
            if *run != b'\\' { return true }
            let (c, end) = escape(run);
            into.append(c.encode_utf8(&mut [0; 4]));
            at = end;
        }
    }

    /// The number; None for what is none, or is beyond an f64.
    #[inline(always)] pub fn number(self) -> Option<f64> {
        let (mut n, mut at) = (0, self.0);
        while at.wrapping_sub(b'0') < 10 {
            n = n * 10 + (*at - b'0') as u64;
            at = after(at, 1);
        }
        let whole = *at < b'.' || *at == b']' || *at == b'}';
        if whole && (1..19).contains(&between(self.0, at).len()) { Some(n as f64) } else { self.parse().filter(|x: &f64| x.is_finite()) }
    }

    /// The number if it has neither a dot nor an exponent and fits.
    pub fn whole(self) -> Option<i64> { self.parse() }

    fn parse<T: str::FromStr>(self) -> Option<T> { str::from_utf8(self.raw()).ok()?.parse().ok() }
}

/// A walk through what lies between brackets. It remembers where they end, so that what
/// encloses them need not look for that again.
#[derive(Clone)]
pub struct Walk<'a> { whole: &'a u8, open: u8, value: Option<&'a u8> }

impl<'a> Iterator for Walk<'a> {
    type Item = (Json<'a>, Json<'a>);

    #[inline(always)] fn next(&mut self) -> Option<Self::Item> {
        let mut at = match self.value {
            Some(value) => space(end(value)),
            None if *self.whole == self.open => space(after(self.whole, 1)),
            None => return None,
        };
        if *at == self.open + 2 {
            MEMORY.passed.set((self.whole, after(at, 1)));
            return None;
        }
        if self.value.is_some() { at = if *at == b',' { space(after(at, 1)) } else { return None } }
        let mut value = at;
        if self.open == b'{' {
            value = space(string(at));
            if *value == b':' { value = space(after(value, 1)) }
        }
        self.value = Some(value).filter(|&&c| c != 0);
        self.value.map(|value| (Json(at), Json(value)))
    }
}

// Safety: texts end in zeros, and nobody steps beyond the first of them. Reading eight
// bytes at once may: there are more zeros than that, or other memory of the program.
#[inline(always)] fn after(at: &u8, n: usize) -> &u8 { unsafe { &*(at as *const u8).add(n) } }

#[inline(always)] fn between<'a>(from: &'a u8, to: &'a u8) -> &'a [u8] {
    unsafe { slice::from_raw_parts(from, (to as *const u8 as usize).saturating_sub(from as *const u8 as usize)) }
}

#[inline(always)] fn space(mut at: &u8) -> &u8 {
    while *at <= b' ' && matches!(*at, b' ' | b'\n' | b'\r' | b'\t') { at = after(at, 1) }
    at
}

/// Where a value ends.
#[inline(always)] fn end(mut at: &u8) -> &u8 {
    match (*at, MEMORY.passed.get()) {
        // Safety: the end was found in the text that this value lies in.
        (b'{' | b'[', (from, end)) if ptr::eq(from, at) => return unsafe { &*end },
        (b'{' | b'[', _) => return nested(at),
        (b'"', _) => return string(at),
        _ => while *at >= b'+' && !matches!(*at, b',' | b']' | b'}') { at = after(at, 1) },
    }
    at
}

#[inline(never)] fn nested(mut at: &u8) -> &u8 {
    let mut depth = 0;
    while *at != 0 {
        if *at == b'"' {
            at = string(at);
            continue;
        }
        depth += (*at | 0x20 == b'{') as i32 - (*at | 0x20 == b'}') as i32;
        at = after(at, 1);
        if depth <= 0 { break }
    }
    at
}

#[inline(always)] fn string(at: &u8) -> &u8 {
    let mut at = special(after(at, 1));
    while *at == b'\\' { at = special(after(at, 2)) }
    after(at, (*at == b'"') as usize)
}

/// Where the first quote, backslash or control character stands from here. It looks at
/// eight bytes at a time: the subtractions leave the highest bit of what is searched for
/// set, and perhaps that of a byte behind it, never one before.
#[inline(always)] fn special(mut at: &u8) -> &u8 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    loop {
        let x = unsafe { ptr::read_unaligned(at as *const u8 as *const u64) };
        let marks = |c: u64, less: u64| (x ^ ONES * c).wrapping_sub(ONES * less);
        let found = (marks(0, 0x20) | marks(0x22, 1) | marks(0x5c, 1)) & !x & ONES << 7;
        if found != 0 { return after(at, found.trailing_zeros() as usize / 8) }
        at = after(at, 8);
    }
}

/// The character that an escape stands for, and where it ends.
#[inline(never)] fn escape(at: &u8) -> (char, &u8) {
    let unit = |k: usize| (k..k + 4).fold(0, |n, k| n << 4 | (*after(at, k) as char).to_digit(16).unwrap_or(0));
    let c = *after(at, 1);
    if c != b'u' {
        let k = b"bfnrt".iter().position(|&e| e == c);
        return (k.map_or(c, |k| b"\x08\x0c\n\r\t"[k]) as char, after(at, 1 + (c != 0) as usize));
    }
    let high = unit(2);
    if high & 0xfc00 == 0xd800 && *after(at, 6) == b'\\' && *after(at, 7) == b'u' {
        let low = unit(8);
        if low & 0xfc00 == 0xdc00 {
            return (char::from_u32(0x10000 + ((high & 0x3ff) << 10 | low & 0x3ff)).unwrap_or('\u{fffd}'), after(at, 12));
        }
    }
    (char::from_u32(high).unwrap_or('\u{fffd}'), after(at, 6))
}

impl Buf {
    /// Appends text, which is UTF-8, as a JSON string, escaped as far as JSON requires.
    pub fn append_text(&mut self, text: impl AsRef<[u8]>) {
        self.push(b'"');
        self.append_inside(text);
        self.push(b'"');
    }

    /// The same without the quotes.
    pub fn append_inside(&mut self, text: impl AsRef<[u8]>) {
        let (text, mut from) = (text.as_ref(), 0);
        for (k, &c) in text.iter().enumerate() {
            if c >= b' ' && c != b'"' && c != b'\\' { continue }
            self.append(&text[from..k]);
            match c {
                b'\n' => self.append("\\n"),
                b'"' | b'\\' => self.append([b'\\', c]),
                _ => self.append([b'\\', b'u', b'0', b'0', b'0' + (c >> 4), b"0123456789abcdef"[c as usize & 15]]),
            }
            from = k + 1;
        }
        self.append(&text[from..]);
    }

    /// Appends a number, without a dot if it is whole, with as many digits as it has if
    /// those are 15 or less, else with 17; null for infinities and NaN.
    pub fn append_number(&mut self, x: f64) {
        let (size, mut scale) = (x.max(-x), 1);
        if !x.is_finite() { return self.append("null") }
        if x < 0.0 { self.push(b'-') }
        for k in 0..16 {
            let digits = (size * scale as f64 + 0.5) as u64;
            if digits < 9_000_000_000_000_000 && digits as f64 / scale as f64 == size {
                self.append_whole((digits / scale) as i64);
                let dot = self.len();
                if k > 0 { self.append_whole((digits % scale + scale) as i64) } // a 1, and k digits
                if k > 0 && !self.is_full() { self[dot] = b'.' }
                return;
            }
            scale *= 10;
        }
        let (mut e, mut power) = ((size.to_bits() >> 52) as i32, 0);
        let mut m = size.to_bits() & (1 << 52) - 1 | ((e > 0) as u64) << 52;
        e = e.max(1) - 1075;
        let tenth = |m: u64| m / 10 + (m % 10 > 4) as u64;
        while e < 0 { // m × 2^e × 10^power stays the same
            if m >> 60 > 0 { (m, e) = ((m >> 1) + (m & 1), e + 1) } else { (m, power) = (m * 10, power - 1) }
        }
        while e > 0 {
            if m >> 63 > 0 { (m, power) = (tenth(m), power + 1) } else { (m, e) = (m << 1, e - 1) }
        }
        while m >= 100_000_000_000_000_000 || m % 10 == 0 { (m, power) = (tenth(m), power + 1) }
        self.append_whole(m as i64);
        if power != 0 { self.push(b'e'); self.append_whole(power) }
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
