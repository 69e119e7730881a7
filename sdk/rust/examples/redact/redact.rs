//! Redact: takes e-mail addresses out of replies. In a stream it holds back the end of a
//! text that could be the beginning of an address.
#![no_std]

use penstock::{reject, split_event, split_frame, Buf, Json, Kind, Result};

penstock::plugin! { normalise_response: response, normalise_event: event }

/// How many bytes of a choice's text are held back at most.
const HELD: usize = 256;

fn is_domain(c: &u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-')
}

fn is_local(c: &u8) -> bool {
    is_domain(c) || matches!(c, b'_' | b'%' | b'+')
}

/// How long the domain is that begins a text, 0 if there is none.
fn domain(text: &[u8]) -> usize {
    let run = text.iter().take_while(|c| is_domain(c)).count();
    let end = text[..run].iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let letters = text[..end].iter().rev().take_while(|c| c.is_ascii_alphabetic()).count();
    if letters >= 2 && text[..end - letters].ends_with(b".") {
        end
    } else {
        0
    }
}

/// Appends a text without its addresses.
fn clean(out: &mut Buf, text: &[u8]) {
    let (mut done, mut at) = (0, 0);
    while let Some(ahead) = text[at..].iter().position(|&c| c == b'@') {
        at += ahead;
        let local = text[done..at].iter().rev().take_while(|c| is_local(c)).count();
        let domain = domain(&text[at + 1..]);
        if local > 0 && domain > 0 {
            out.append(&text[done..at - local]);
            out.append("[redacted]");
            done = at + 1 + domain;
        }
        at = done.max(at + 1);
    }
    out.append(&text[done..]);
}

/// A reply that is being copied with changes.
struct Edit<'a> {
    whole: Json<'a>,
    out: Buf,
    /// What has not been copied yet.
    rest: &'a [u8],
    changed: bool,
}

impl<'a> Edit<'a> {
    fn new(whole: Json<'a>) -> Edit<'a> {
        Edit { whole, out: Buf::new(), rest: whole.raw(), changed: false }
    }

    /// Copies what comes before a value and leaves out its first bytes.
    fn skip(&mut self, value: Json<'a>, bytes: usize) {
        let behind = self.whole.from(value);
        self.out.append(&self.rest[..self.rest.len() - behind.len()]);
        self.rest = &behind[bytes..];
        self.changed = true;
    }
}

fn response(input: &[u8], out: &mut Buf) -> Result {
    let request = Json::new(input);
    let mut edit = Edit::new(request.member("body"));
    for choice in edit.whole.member("choices").items() {
        let content = choice.member("message").member("content");
        let (mut text, mut cleaned) = (Buf::new(), Buf::new());
        if content.text(&mut text) {
            clean(&mut cleaned, &text);
        }
        if *cleaned != *text {
            edit.skip(content, content.raw().len());
            edit.out.append_text(&*cleaned);
        }
    }
    if edit.changed {
        out.append(&*edit.out);
        out.append(edit.rest);
    }
    Ok(())
}

/// What waits in a stream: for each choice its index, the length of its text and that
/// text, sorted by index.
fn entries(mut state: &[u8]) -> impl Iterator<Item = (i64, &[u8], &[u8])> {
    core::iter::from_fn(move || {
        let index = i64::from_le_bytes(state.get(..8)?.try_into().ok()?);
        let len = u32::from_le_bytes(state.get(8..12)?.try_into().ok()?) as usize;
        let (entry, rest) = (state.get(..12 + len)?, &state[12 + len..]);
        state = rest;
        Some((index, &entry[12..], entry))
    })
}

/// Lets another text wait for a choice, or none.
fn wait(state: &[u8], index: i64, text: &[u8]) -> Buf {
    let mut next = Buf::new();
    entries(state).filter(|e| e.0 < index).for_each(|e| next.append(e.2));
    if !text.is_empty() {
        next.append(index.to_le_bytes());
        next.append((text.len() as u32).to_le_bytes());
        next.append(text);
    }
    entries(state).filter(|e| e.0 > index).for_each(|e| next.append(e.2));
    next
}

/// Changes a choice of a chunk, if need be.
fn change<'a>(edit: &mut Edit<'a>, waiting: &mut Buf, choice: Json<'a>) {
    let (mut index, mut delta, mut last) = (0, Json::missing(), false);
    for (name, value) in choice.members() {
        if name.is("index") {
            index = value.whole().unwrap_or(0);
        } else if name.is("delta") {
            delta = value;
        } else if name.is("finish_reason") {
            last = !value.null();
        }
    }
    let content = delta.member("content");
    let (mut text, mut all, mut cleaned) = (Buf::new(), Buf::new(), Buf::new());
    let held = entries(waiting).find(|e| e.0 == index).map_or(&[][..], |e| e.1);
    let has_text = content.text(&mut text);
    if !has_text && (!last || held.is_empty() || delta.kind() != Kind::Object) {
        return;
    }
    all.append(held);
    all.append(&*text);
    let open = all.iter().rev().take(HELD).take_while(|c| is_local(c) || **c == b'@').count();
    let (given, kept) = all.split_at(if last { all.len() } else { all.len() - open });
    clean(&mut cleaned, given);
    if has_text && *cleaned == *text && kept == held {
        return;
    }
    if content.kind() == Kind::Missing {
        edit.skip(delta, 0);
        edit.rest = &edit.rest[1..];
        edit.out.append(r#"{"content":"#);
        edit.out.append_text(&*cleaned);
        edit.out.append(if delta.members().next().is_some() { "," } else { "" });
    } else {
        edit.skip(content, content.raw().len());
        edit.out.append_text(&*cleaned);
    }
    *waiting = wait(waiting, index, kept);
}

/// Gives out what waits when the stream ends.
fn end(state: &[u8], out: &mut Buf) {
    out.append_state(&[]);
    for (index, text, _) in entries(state) {
        let (mut line, mut cleaned) = (Buf::new(), Buf::new());
        clean(&mut cleaned, text);
        line.append(r#"{"choices":[{"index":"#);
        line.append_whole(index);
        line.append(r#","delta":{"content":"#);
        line.append_text(&*cleaned);
        line.append(r#"},"finish_reason":null}]}"#);
        out.append_line(&line);
    }
}

fn event(input: &[u8], out: &mut Buf) -> Result {
    let (state, payload) = match split_frame(input) {
        Some(frame) => frame,
        None => return reject(500, "the frame is cut short"),
    };
    let chunk = match split_event(payload) {
        (b"chunk", data) => Json::new(data),
        (b"penstock.end", _) => return Ok(end(state, out)),
        _ => return Ok(()),
    };
    let (mut edit, mut waiting) = (Edit::new(chunk), Buf::new());
    waiting.append(state);
    for choice in chunk.member("choices").items() {
        change(&mut edit, &mut waiting, choice);
    }
    if edit.changed {
        edit.out.append(edit.rest);
        out.append_state(&waiting);
        out.append_line(&edit.out);
    }
    Ok(())
}
