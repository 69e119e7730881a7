//! Cheapest: a Penstock router in Rust, without any crate, not even the standard library.
//!
//! It ranks the candidates by what the request will cost there at most: the prompt at
//! the input price plus the answer at the output price. Candidates that rest or whose
//! price nobody knows are left out: Penstock appends the healthy ones behind the rest.
//!
//! Setting: `output_tokens`, how long an answer to expect when the caller did not limit
//! it (500 unless said otherwise).
#![no_std]

use core::fmt::Write;
use core::ptr::{addr_of, addr_of_mut};

/// How much JSON a call may bring, in bytes; Penstock takes a refusal as "no opinion".
const ROOM: usize = 256 * 1024;
/// How many candidates are looked at.
const MOST: usize = 256;

// A module has one input and one output region and uses them again for every call.
// Nothing else lives from call to call.
static mut INPUT: [u8; ROOM] = [0; ROOM];
static mut OUTPUT: Output = Output { text: [0; 16 * 1024], len: 0 };

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// The version of the contract that this module speaks: 1.0.
#[no_mangle]
pub extern "C" fn penstock_abi_version() -> i32 {
    1 << 16
}

/// Gives Penstock a place to put a call's input; 0 says that it is too long.
#[no_mangle]
pub extern "C" fn penstock_alloc(size: u32) -> *mut u8 {
    if size as usize > ROOM {
        return core::ptr::null_mut();
    }
    #[allow(unused_unsafe)] // newer compilers know that taking the address is safe
    unsafe {
        addr_of_mut!(INPUT) as *mut u8
    }
}

/// Ranks the candidates of the request that lies at `ptr`. The result is where the
/// answer lies and how long it is, in one number.
#[no_mangle]
pub extern "C" fn penstock_route(ptr: *const u8, len: usize) -> u64 {
    // Safety: Penstock wrote len bytes at the address that penstock_alloc gave it, and a
    // module is called by one thread at a time.
    let (input, out) = unsafe { (core::slice::from_raw_parts(ptr, len), &mut *addr_of_mut!(OUTPUT)) };
    out.len = 0;
    match rank(input, out) {
        Some(()) => (addr_of!(out.text) as u64) << 32 | out.len as u64,
        None => 0, // no opinion
    }
}

#[derive(Clone, Copy, Default)]
struct Candidate {
    index: f64,
    price_in: Option<f64>,
    price_out: Option<f64>,
    healthy: bool,
    cost: f64,
}

struct Request {
    est_input_tokens: f64,
    max_tokens: Option<f64>,
    output_tokens: f64,
    candidates: [Candidate; MOST],
    n: usize,
}

fn rank(input: &[u8], out: &mut Output) -> Option<()> {
    let mut request = Request {
        est_input_tokens: 0.0,
        max_tokens: None,
        output_tokens: 500.0,
        candidates: [Candidate::default(); MOST],
        n: 0,
    };
    let mut json = Json { text: input, at: 0 };
    json.object(|json, name| match name {
        b"est_input_tokens" => Some(request.est_input_tokens = json.number()??),
        b"max_tokens" => Some(request.max_tokens = json.number()?),
        b"with" => json.object(|json, name| match name {
            b"output_tokens" => Some(request.output_tokens = json.number()??),
            _ => json.skip(),
        }),
        b"candidates" => json.array(|json| read(json, &mut request.candidates, &mut request.n)),
        _ => json.skip(),
    })?;
    let answer = request.max_tokens.unwrap_or(request.output_tokens);
    let mut kept = 0;
    for i in 0..request.n {
        let mut c = request.candidates[i];
        if let (true, Some(price_in), Some(price_out)) = (c.healthy, c.price_in, c.price_out) {
            c.cost = (price_in * request.est_input_tokens + price_out * answer) / 1e6;
            request.candidates[kept] = c;
            kept += 1;
        }
    }
    let ranked = &mut request.candidates[..kept];
    ranked.sort_unstable_by(|a, b| a.cost.total_cmp(&b.cost).then(a.index.total_cmp(&b.index)));
    write(ranked, out).ok()
}

/// Reads one candidate.
fn read(json: &mut Json, list: &mut [Candidate], n: &mut usize) -> Option<()> {
    let mut c = Candidate::default();
    json.object(|json, name| match name {
        b"i" => Some(c.index = json.number()??),
        b"price_in" => Some(c.price_in = json.number()?),
        b"price_out" => Some(c.price_out = json.number()?),
        b"healthy" => Some(c.healthy = json.value()? == b"true"),
        _ => json.skip(),
    })?;
    if *n < list.len() {
        list[*n] = c;
        *n += 1;
    }
    Some(())
}

/// Writes the answer: best first, and the score is the cost in nano-USD, negated, since
/// higher scores are better.
fn write(ranked: &[Candidate], out: &mut Output) -> core::fmt::Result {
    out.write_str(r#"{"ranking":["#)?;
    for (at, c) in ranked.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(out, r#"{}{{"i":{},"score":{}}}"#, comma, c.index as i64, -c.cost as i64)?;
    }
    out.write_str(r#"],"reason":"cheapest"}"#)
}

struct Output {
    text: [u8; 16 * 1024],
    len: usize,
}

impl Write for Output {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let end = self.len + s.len();
        let room = self.text.get_mut(self.len..end).ok_or(core::fmt::Error)?;
        room.copy_from_slice(s.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Reads JSON in one pass. None says that it is not valid.
struct Json<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        Some(self.text[self.at])
    }

    fn expect(&mut self, c: u8) -> Option<()> {
        if self.peek()? != c {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Calls member with the name of each member; member must read the value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', |json| {
            let name = json.value()?;
            json.expect(b':')?;
            member(json, name.get(1..name.len().checked_sub(1)?)?)
        })
    }

    /// Calls item for each element; item must read it.
    fn array(&mut self, item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', item)
    }

    fn list(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(open)?;
        if self.peek()? == close {
            return self.expect(close);
        }
        loop {
            item(self)?;
            if self.peek()? == close {
                return self.expect(close);
            }
            self.expect(b',')?;
        }
    }

    /// Passes over one value and returns it as it stands. It counts brackets rather than
    /// recursing, so that no depth of input can exhaust the stack.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.peek()?;
        let (text, start, mut depth) = (self.text, self.at, 0);
        let mut at = start;
        loop {
            match *text.get(at)? {
                b'"' => at = end_of_string(text, at)?,
                b'{' | b'[' => {
                    depth += 1;
                    at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth -= 1;
                    at += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => {
                    at += 1;
                    continue;
                }
                _ => at = end_of_word(text, at)?,
            }
            if depth <= 0 {
                self.at = at;
                return text.get(start..at);
            }
        }
    }

    fn skip(&mut self) -> Option<()> {
        self.value().map(|_| ())
    }

    /// Reads a number, or Some(None) for null.
    fn number(&mut self) -> Option<Option<f64>> {
        let text = self.value()?;
        if text == b"null" {
            return Some(None);
        }
        let mut whole = 0.0;
        for c in text {
            if !c.is_ascii_digit() { // a sign, a fraction or an exponent: rare here
                return core::str::from_utf8(text).ok()?.parse().ok().map(Some);
            }
            whole = whole * 10.0 + (c - b'0') as f64;
        }
        Some(Some(whole))
    }
}

/// Where the string that begins at `at` is over.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += 1;
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 1,
            _ => {}
        }
    }
}

/// Where the number, true, false or null that begins at `at` is over.
fn end_of_word(text: &[u8], at: usize) -> Option<usize> {
    let is_part = |c: &u8| matches!(c, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E');
    match text[at..].iter().position(|c| !is_part(c)) {
        Some(0) => None,
        Some(n) => Some(at + n),
        None => Some(text.len()),
    }
}
