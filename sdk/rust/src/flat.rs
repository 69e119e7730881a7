use core::{mem::size_of, ptr};

use crate::Buf;

/// What `remaining_requests` and `remaining_tokens` are when nobody knows.
pub const UNLIMITED: u32 = u32::MAX;
/// The flag of a target in an answer that must not be tried at all.
pub const DROP: u32 = 1;
/// The terms of a score. Costs, lost cache and gain are in US dollars, the latency is in ms, the
/// others are shares. A part is what a term adds to the score; lost cache is what a session would
/// lose if it left the target, gain what it would gain at the best other one.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Term {
    Cost = 1, Quality, Latency, ErrorRate, Load, CostPart, QualityPart, LatencyPart, ErrorsPart, LostCache, Gain,
}

/// Marks an entry of an answer that explains a score.
const IS_TERM: u32 = 2;

/// The most state that an event hook may leave, in bytes.
pub const MAX_STATE: usize = 64 << 10;

/// The input of penstock_route_flat, read in place.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// The number of targets.
    pub len: usize,
    /// An upper estimate of the prompt, and the client's bound on the answer, in tokens;
    /// `max_output` is 0 when it gave none.
    pub est_input: u32, pub max_output: u32,
    flags: u32, step: usize, records: &'a [u8], text: &'a [u8], texts: &'a [u8],
}

/// A candidate, laid out as its record.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Target {
    /// What names it in the answer.
    pub index: u32,
    flags: u32,
    /// In nano-USD per million tokens; they mean nothing unless it is priced.
    pub price_in: i64, pub price_out: i64, pub price_cached: i64,
    /// In tokens and in requests.
    pub context: u32, pub inflight: u32,
    /// From 0 to 1, NaN when unknown.
    pub quality: f64,
    /// The time to the first token in ms, and output tokens per second; 0 when unknown.
    pub ttft_ms: f64, pub tps: f64,
    pub error_rate: f64, pub weight: f64, pub order: i32,
    /// The first two may be UNLIMITED; the third is tokens of the prompt that are probably
    /// cached there, 0 when unknown.
    pub remaining_requests: u32, pub remaining_tokens: u32, pub cached_prefix: u32,
}

/// What version 1.1 of the contract has added to a record.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Figures {
    /// An upper bound of what the request costs in nano-USD, negative when unknown.
    pub est_cost: i64,
    /// The median and the 95th percentile of the time to the first token in ms, 0 when unknown.
    pub ttft_p50_ms: f64, pub ttft_p95_ms: f64,
    /// The number of recent attempts.
    pub samples: f64,
    /// What is left of the provider's limits, from 0 to 1, negative when unknown.
    pub requests_left: f64, pub tokens_left: f64,
    /// A hash of session and target, 0 without a session. Sessions keep to their targets where
    /// they are ranked by it.
    pub sticky: u64,
}

const UNKNOWN: Figures =
    Figures { est_cost: -1, ttft_p50_ms: 0.0, ttft_p95_ms: 0.0, samples: 0.0, requests_left: -1.0, tokens_left: -1.0, sticky: 0 };

impl Target {
    pub fn healthy(&self) -> bool { self.flags & 1 != 0 }
    pub fn priced(&self) -> bool { self.flags & 2 != 0 }
    pub fn fallback(&self) -> bool { self.flags & 4 != 0 }
    pub fn context_known(&self) -> bool { self.flags & 8 != 0 }
}

/// Checks the header of a flat input; None for another version, or less than it promises.
pub fn read_route(input: &[u8]) -> Option<Route<'_>> {
    if input.len() < 32 { return None }
    // Safety: any bytes are numbers, these are there, and Wasm is little-endian.
    let ([version, step], [n, est_input, max_output, flags, text, text_len, request]) =
        unsafe { ptr::read_unaligned(input.as_ptr() as *const ([u16; 2], [u32; 7])) };
    let (len, step, text) = (n as usize, step as usize, input.get(text as usize..)?.get(..text_len as usize)?);
    let records = input[32..].get(..len.checked_mul(step)?)?;
    let texts = if request == 0 { &[] } else { split_frame(input.get(request as usize..)?)?.0 };
    if version != 1 || step < size_of::<Target>() || step % 8 != 0 { return None }
    Some(Route { len, est_input, max_output, flags, step, records, text, texts })
}

impl<'a> Route<'a> {
    pub fn stream(&self) -> bool { self.flags & 1 != 0 }
    pub fn needs_tools(&self) -> bool { self.flags & 2 != 0 }
    pub fn needs_vision(&self) -> bool { self.flags & 4 != 0 }

    /// The k-th candidate, k < len.
    pub fn target(&self, k: usize) -> Target {
        let record = &self.records[k * self.step..][..size_of::<Target>()];
        unsafe { ptr::read_unaligned(record.as_ptr() as *const Target) } // Safety: as above.
    }

    /// More of the k-th candidate, k < len. A gateway of version 1.0 leaves all of it unknown.
    pub fn figures(&self, k: usize) -> Figures {
        match self.records[k * self.step..][..self.step].get(size_of::<Target>()..size_of::<Target>() + size_of::<Figures>()) {
            Some(more) => unsafe { ptr::read_unaligned(more.as_ptr() as *const Figures) }, // Safety: as above.
            None => UNKNOWN,
        }
    }

    /// How many requests the k-th candidate takes at once, k < len; 0 means any number, or that the
    /// gateway does not say.
    pub fn max_inflight(&self, k: usize) -> u32 { self.field(k, 152) }
    /// How many output tokens the k-th candidate's reply will probably have, k < len; 0 means
    /// unknown.
    pub fn expected_output(&self, k: usize) -> u32 { self.field(k, 156) }

    /// A number behind the k-th candidate's figures; 0 when the host sends none.
    fn field(&self, k: usize, at: usize) -> u32 {
        let record = &self.records[k * self.step..][..self.step];
        record.get(at..at + 4).and_then(|n| n.try_into().ok()).map_or(0, u32::from_le_bytes)
    }

    /// What the consecutive requests of an agent share. Like the other texts, the manifest has to
    /// name it in its `reads`.
    pub fn session(&self) -> Option<&'a [u8]> { self.find(1, "") }
    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&'a [u8]> { self.find(3, name) }
    /// The text of the last message of the user that has any, at most 8 KiB. Grant: read:messages.
    pub fn last_user_text(&self) -> Option<&'a [u8]> { self.find(4, "") }
    /// The label that a classifier endpoint has given the request, at most 64 bytes.
    pub fn class(&self) -> Option<&'a [u8]> { self.find(5, "") }

    /// The first text of a kind: 1 is the session, 2 the name of a tag, 3 its value, which
    /// comes next, 4 the last user text, 5 the class.
    fn find(&self, kind: u32, tag: &str) -> Option<&'a [u8]> {
        let (mut rest, mut named) = (self.texts, kind != 3);
        loop {
            let own = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
            let (text, next) = split_frame(&rest[4..])?;
            if own == 2 && kind == 3 { named = text == tag.as_bytes() }
            if own == kind && named { return Some(text) }
            rest = next;
        }
    }

    /// The route's setting of this name, as it is spelled; names that nest are joined by
    /// dots. The seed is one of them.
    pub fn setting(&self, name: &str) -> Option<&'a [u8]> {
        let mut lines = self.text.split(|&c| c == b'\n').skip(1); // the strategy's name
        lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}

/// The index and the score of an entry of a flat answer, which has 16 bytes.
pub fn read_rank(rank: &[u8]) -> (u32, f64) {
    (rank[..4].try_into().map_or(0, u32::from_le_bytes), rank[8..16].try_into().map_or(0.0, f64::from_le_bytes))
}

/// Splits an event hook's input into the state that the event before left and the
/// payload; None if it is cut short.
pub fn split_frame(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let n = u32::from_le_bytes(input.get(..4)?.try_into().ok()?) as usize;
    if n <= input.len() - 4 { Some(input[4..].split_at(n)) } else { None }
}

/// Splits a payload into an event's name and its data.
pub fn split_event(payload: &[u8]) -> (&[u8], &[u8]) {
    let n = payload.iter().position(|&c| c == b'\n').unwrap_or(payload.len());
    (&payload[..n], payload.get(n + 1..).unwrap_or(&[]))
}

impl Buf {
    /// Appends a target to a flat answer, best first. The score must not be NaN.
    pub fn append_rank(&mut self, index: u32, flags: u32, score: f64) {
        self.append((index as u64 | (flags as u64) << 32).to_le_bytes());
        self.append(score.to_le_bytes())
    }

    /// Appends one term of a target's score to a flat answer, for explanations. It does not rank the
    /// target. The value must be finite.
    pub fn append_term(&mut self, index: u32, term: Term, value: f64) { self.append_rank(index, IS_TERM | (term as u32) << 8, value) }

    /// Puts a target in its place in an answer of such: higher scores come first, equal ones
    /// by index.
    pub fn insert_rank(&mut self, index: u32, flags: u32, score: f64) {
        let ahead = |(i, s): (u32, f64)| s > score || s == score && i < index;
        let at = 16 * self.chunks_exact(16).take_while(|rank| ahead(read_rank(rank))).count();
        self.append_rank(index, flags, score);
        if !self.is_full() { self[at..].rotate_right(16) }
    }

    /// Turns a flat answer, whose scores must be finite, into the JSON one, with the reason
    /// why in one line. One without targets stays empty: no opinion.
    pub fn ranking_json(&mut self, reason: &str) {
        if self.is_empty() { return }
        let mut ranks = Buf::new();
        ranks.append(&**self);
        self.truncate(0);
        self.append(r#"{"ranking":["#);
        self.append_ranks(&ranks, false);
        self.append(r#"],"drop":["#);
        self.append_ranks(&ranks, true);
        self.append(r#"],"reason":"#);
        self.append_text(reason);
        self.push(b'}')
    }

    /// Appends the items of a list of those targets that are dropped, or of the others.
    fn append_ranks(&mut self, ranks: &[u8], dropped: bool) {
        let mut before = "";
        for rank in ranks.chunks_exact(16).filter(|rank| rank[4] & IS_TERM as u8 == 0 && (rank[4] & DROP as u8 != 0) == dropped) {
            let (index, score) = read_rank(rank);
            self.append(before);
            before = ",";
            if !dropped { self.append(r#"{"i":"#) }
            self.append_whole(index as i64);
            if dropped { continue }
            self.append(r#","score":"#);
            self.append_number(score);
            self.push(b'}')
        }
    }

    /// Begins an event hook's answer with the state for the next event.
    pub fn append_state(&mut self, state: &[u8]) {
        self.append((state.len() as u32).to_le_bytes());
        self.append(state)
    }

    /// Appends a line of the payload behind the state.
    pub fn append_line(&mut self, line: &[u8]) {
        if split_frame(self).map_or(false, |(_, payload)| !payload.is_empty()) { self.push(b'\n') }
        self.append(line)
    }
}
