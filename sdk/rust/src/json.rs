use core::{iter, ptr, slice, str};

use crate::{ends_in_zero, Buf, MEMORY};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind { Missing, Null, False, True, Number, Text, List, Object }

/// A JSON value: a place in a text. Nothing is copied or built, and nothing recurses,
/// however deep values nest. It is safe to look into text that is not valid, but what is
/// found there means nothing: ask [`Json::valid`] first.
///
/// Behind every text lies a zero byte, which no value goes past: so the end needs no
/// looking after.
#[derive(Clone, Copy)]
pub struct Json<'a>(&'a u8);

impl<'a> Json<'a> {
    /// The value that a text is. One that is not the end of the call's input is copied.
    pub fn new(text: &'a [u8]) -> Json<'a> {
        MEMORY.passed.set((0, &0)); // another text may have lain here
        Json(space(ends_in_zero(text)))
    }

    /// A value that is not there.
    pub const fn missing() -> Json<'a> { Json(&0) }

    /// Whether the text is a value and nothing else; a question for a whole text, not for
    /// a value within. Bytes in strings need not be UTF-8. It costs next to nothing after a
    /// walk through all of an object or a list.
    pub fn valid(self) -> bool { end(self.0).map_or(false, |at| *space(at) == 0) }

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

    /// The value as it is spelled.
    pub fn raw(self) -> &'a [u8] { between(self.0, end(self.0).unwrap_or(self.0)) }

    /// What is spelled before a value that lies within this one, and what from there on.
    pub fn before(self, part: Json<'a>) -> &'a [u8] { &self.raw()[..between(self.0, part.0).len()] }
    pub fn from(self, part: Json<'a>) -> &'a [u8] { &self.raw()[between(self.0, part.0).len()..] }

    /// The member of an object with this name, of several the last, or a missing value.
    pub fn member(self, name: &str) -> Json<'a> {
        self.members().filter(|(n, _)| n.is(name)).last().map_or(Json::missing(), |(_, value)| value)
    }

    /// The members of an object, each a name, which is a text, and a value.
    #[inline(always)]
    pub fn members(self) -> impl Iterator<Item = (Json<'a>, Json<'a>)> { self.inside(b'{') }

    /// The items of a list; none of what is no list.
    #[inline(always)]
    pub fn items(self) -> impl Iterator<Item = Json<'a>> { self.inside(b'[').map(|(_, item)| item) }

    /// What lies between the brackets that begin with `open`. It remembers where they end.
    #[inline(always)]
    fn inside(self, open: u8) -> impl Iterator<Item = (Json<'a>, Json<'a>)> {
        let mut last = if *self.0 == open { Some(self.0) } else { None };
        iter::from_fn(move || {
            let begins = last.map_or(false, |at| ptr::eq(at, self.0));
            let mut at = space(if begins { after(last.take()?, 1) } else { end(last.take()?)? });
            if *at == open + 2 { MEMORY.passed.set((self.0 as *const u8 as usize, unsafe { &*(after(at, 1) as *const u8) })) }
            if !begins && *at == b',' { at = space(after(at, 1)) } else if !begins || *at == open + 2 { return None }
            last = Some(if open == b'{' { name(at)? } else { at });
            Some((Json(at), Json(last?)))
        })
    }

    /// Whether this is the text. Most are told by their first letter.
    #[inline(always)]
    pub fn is(self, text: &str) -> bool {
        let (c, first) = (*after(self.0, 1), text.as_bytes().first().copied().unwrap_or(b'"'));
        (c == first || c == b'\\') && self.equals(text)
    }

    fn equals(self, text: &str) -> bool {
        let mut at = after(self.0, 1);
        for &c in text.as_bytes() {
            if *at != c || c == b'"' || c == b'\\' || c == 0 { break }
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
        let mut at = after(self.0, (*self.0 == b'"') as usize);
        while *self.0 == b'"' {
            let run = special(at);
            into.append(between(at, run));
            match escape(run) {
                Some((c, end)) => { into.append(c.encode_utf8(&mut [0; 4])); at = end }
                None => return *run == b'"',
            }
        }
        false
    }

    /// The number; None for what is none, or is beyond an f64.
    #[inline(always)]
    pub fn number(self) -> Option<f64> {
        let (mut n, mut at) = (0, self.0);
        while at.wrapping_sub(b'0') < 10 {
            n = n * 10 + (*at - b'0') as u64;
            at = after(at, 1);
        }
        let length = between(self.0, at).len();
        if length > 0 && length < 19 && *at != b'.' && *at | 0x20 != b'e' { Some(n as f64) } else { self.fraction() }
    }

    fn fraction(self) -> Option<f64> {
        let text = between(self.0, number(self.0)?);
        str::from_utf8(text).ok()?.parse().ok().filter(|x: &f64| x.is_finite())
    }

    /// The number if it has neither a dot nor an exponent and fits.
    pub fn whole(self) -> Option<i64> { str::from_utf8(between(self.0, number(self.0)?)).ok()?.parse().ok() }
}

#[inline(always)]
fn after(at: &u8, n: usize) -> &u8 { unsafe { &*(at as *const u8).add(n) } }

#[inline(always)]
fn between<'a>(from: &'a u8, to: &'a u8) -> &'a [u8] {
    unsafe { slice::from_raw_parts(from, (to as *const u8 as usize).saturating_sub(from as *const u8 as usize)) }
}

/// Where the value ends that begins here. It is checked on the way.
#[inline(always)]
fn end(at: &u8) -> Option<&u8> {
    match (*at, MEMORY.passed.get()) {
        (b'{' | b'[', (from, end)) if from == at as *const u8 as usize => Some(end),
        (b'{' | b'[', _) => nested(at),
        _ => scalar(at),
    }
}

/// Passes a list or an object, at most 300 deep.
#[inline(never)]
fn nested(mut at: &u8) -> Option<&u8> {
    let (mut close, mut depth) = ([0; 301], 0); // the brackets to come
    loop {
        let opens = *at == b'{' || *at == b'[';
        if opens {
            depth += 1;
            *close.get_mut(depth)? = *at + 2;
            at = space(after(at, 1));
        } else {
            at = space(scalar(at)?);
        }
        if !opens || *at == *close.get(depth)? {
            while *at == *close.get(depth)? {
                at = after(at, 1);
                depth -= 1;
                if depth == 0 { return Some(at) }
                at = space(at);
            }
            if *at != b',' { return None }
            at = space(after(at, 1));
        }
        if *close.get(depth)? == b'}' { at = name(at)? }
    }
}

/// Passes the name of a member, the colon, and the space around it.
#[inline(always)]
fn name(at: &u8) -> Option<&u8> {
    if *at != b'"' { return None }
    let at = space(string(at)?);
    if *at == b':' { Some(space(after(at, 1))) } else { None }
}

/// Passes what is neither a list nor an object.
#[inline(always)]
fn scalar(at: &u8) -> Option<&u8> {
    match *at {
        b'"' => string(at),
        b't' => word(at, "true"),
        b'f' => word(at, "false"),
        b'n' => word(at, "null"),
        _ => number(at),
    }
}

#[inline(always)]
fn word<'a>(mut at: &'a u8, word: &str) -> Option<&'a u8> {
    for c in word.bytes() {
        if *at != c { return None }
        at = after(at, 1);
    }
    Some(at)
}

#[inline(always)]
fn string(at: &u8) -> Option<&u8> {
    let mut at = special(after(at, 1));
    while *at != b'"' { at = special(escape(at)?.1) }
    Some(after(at, 1))
}

/// The character that an escape stands for, and where it ends.
#[inline(never)]
fn escape(at: &u8) -> Option<(char, &u8)> {
    let unit = |k: usize| (k..k + 4).try_fold(0, |n, k| Some(n << 4 | (*after(at, k) as char).to_digit(16)?));
    let c = *after(at, 1);
    if *at != b'\\' { return None }
    if c != b'u' {
        let k = b"\"\\/bfnrt".iter().position(|&e| e == c)?;
        return Some((b"\"\\/\x08\x0c\n\r\t"[k] as char, after(at, 2)));
    }
    let high = unit(2)?;
    if high & 0xfc00 == 0xd800 && *after(at, 6) == b'\\' && *after(at, 7) == b'u' {
        let low = unit(8)?;
        if low & 0xfc00 == 0xdc00 {
            return Some((char::from_u32(0x10000 + ((high & 0x3ff) << 10 | low & 0x3ff))?, after(at, 12)));
        }
    }
    Some((char::from_u32(high).unwrap_or('\u{fffd}'), after(at, 6)))
}

#[inline(always)]
fn number(mut at: &u8) -> Option<&u8> {
    if *at == b'-' { at = after(at, 1) }
    at = if *at == b'0' { after(at, 1) } else { digits(at)? };
    if *at == b'.' { at = digits(after(at, 1))? }
    if *at | 0x20 == b'e' {
        let sign = matches!(*after(at, 1), b'+' | b'-');
        at = digits(after(at, 1 + sign as usize))?;
    }
    Some(at)
}

/// Passes one digit or more.
#[inline(always)]
fn digits(mut at: &u8) -> Option<&u8> {
    let from = at;
    while at.wrapping_sub(b'0') < 10 { at = after(at, 1) }
    if ptr::eq(at, from) { None } else { Some(at) }
}

#[inline(always)]
fn space(mut at: &u8) -> &u8 {
    while *at <= b' ' && matches!(*at, b' ' | b'\n' | b'\r' | b'\t') { at = after(at, 1) }
    at
}

/// Where the first quote, backslash or control character stands from here. It looks at
/// eight bytes at a time: the subtractions leave the highest bit of what is searched for
/// set, and perhaps that of a byte behind it, never one before.
#[inline(always)]
fn special(mut at: &u8) -> &u8 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let marks = |x: u64, n: u64| x.wrapping_sub(ONES * n) & !x;
    loop {
        let x = unsafe { ptr::read_unaligned(at as *const u8 as *const u64) };
        let found = (marks(x, 0x20) | marks(x ^ ONES * 0x22, 1) | marks(x ^ ONES * 0x5c, 1)) & ONES << 7;
        if found != 0 { return after(at, found.trailing_zeros() as usize / 8) }
        at = after(at, 8);
    }
}
