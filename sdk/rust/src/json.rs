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

    /// Whether the text is a value and nothing else; a question for a whole text, not for
    /// a value within. Bytes in strings need not be UTF-8.
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

    /// The member of an object with this name, of several the last, or a missing value.
    pub fn member(self, name: &str) -> Json<'a> {
        self.members().filter(|(n, _)| n.is(name)).last().map_or(Json(&0), |(_, value)| value)
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

    /// Whether this is the text.
    #[inline(always)]
    pub fn is(self, text: &str) -> bool {
        let mut at = after(self.0, (*self.0 == b'"') as usize);
        for c in text.bytes() {
            if *at != c || c == b'"' || c == 0 { return *at == b'\\' && self.spells(text) }
            at = after(at, 1);
        }
        *at == b'"' && *self.0 == b'"'
    }

    fn spells(self, text: &str) -> bool {
        let mut decoded = Buf::new();
        self.text(&mut decoded) && *decoded == *text.as_bytes()
    }

    /// Appends a text, decoded, and reports whether this is one. U+FFFD stands for half a
    /// surrogate pair.
    pub fn text(self, into: &mut Buf) -> bool {
        let mut at = self.0;
        while *self.0 == b'"' {
            let run = special(after(at, 1));
            into.append(between(after(at, 1), run));
            if *run == b'"' { return true }
            match escape(run) {
                Some((c, end)) => { into.append(c.encode_utf8(&mut [0; 4])); at = end }
                None => return false,
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

    /// The number if it is whole, however it is spelled; beyond 9e15 only without a dot or
    /// an exponent.
    pub fn whole(self) -> Option<i64> {
        let spelled = str::from_utf8(between(self.0, number(self.0)?)).ok()?.parse().ok();
        spelled.or_else(|| self.number().filter(|x| x.max(-x) < 9e15 && *x as i64 as f64 == *x).map(|x| x as i64))
    }
}

#[inline(always)]
fn after(at: &u8, n: usize) -> &u8 { unsafe { &*(at as *const u8).add(n) } }

#[inline(always)]
fn between<'a>(from: &'a u8, to: &'a u8) -> &'a [u8] {
    unsafe { slice::from_raw_parts(from, to as *const u8 as usize - from as *const u8 as usize) }
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

/// Passes a list or an object. The brackets to come are kept in a buffer, not on the stack.
#[inline(never)]
fn nested(mut at: &u8) -> Option<&u8> {
    let (mut close, mut outer) = (0, Buf::new());
    loop {
        let opens = *at == b'{' || *at == b'[';
        if opens {
            outer.push(close);
            close = *at + 2;
            at = space(after(at, 1));
        } else {
            at = space(scalar(at)?);
        }
        if !opens || *at == close {
            while *at == close {
                close = *outer.last()?;
                outer.truncate(outer.len() - 1);
                if close == 0 { return Some(after(at, 1)) }
                at = space(after(at, 1));
            }
            if *at != b',' { return None }
            at = space(after(at, 1));
        }
        if close == b'}' { at = name(at)? }
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
