// A transform that takes e-mail addresses out of replies, also those that a stream cuts in two.
import {
  append, appendInside, appendLine, appendState, appendWhole, call, equals, isNull, items, Json, Kind, kind, length,
  member, members, next, raw, reject, scratch, Span, span, splitEvent, splitFrame, start, textOf, whole,
} from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_normalise_response(ptr: usize, len: usize): u64 { return call(response, ptr, len); }
export function penstock_normalise_event(ptr: usize, len: usize): u64 { return call(event, ptr, len); }

// The most that is held back of one choice's text, in bytes.
const MOST: usize = 256;

function response(input: Json): void {
  const body = member(input, "body"), choices = member(body, "choices");
  let at = start(raw(body));
  const end = at + length(raw(body));
  let changed = false;
  for (let c = items(choices); c; c = next(choices, c)) {
    const content = member(member(c, "message"), "content"), text = textOf(content);
    if (!found(text, start(text))) continue;
    at = replace(at, content, text);
    changed = true;
  }
  if (changed) append(span(at, end - at));
}

// Appends the input from `at` to a value, and the text without addresses instead of that.
// Returns where the input goes on.
function replace(at: usize, v: Json, text: Span): usize {
  const old = raw(v);
  append(span(at, start(old) - at));
  append("\"");
  redact(text);
  append("\"");
  return start(old) + length(old);
}

function redact(text: Span): void {
  let at = start(text);
  for (let a = found(text, at); a; a = found(text, at)) {
    appendInside(span(at, start(a) - at));
    append("[redacted]");
    at = start(a) + length(a);
  }
  appendInside(span(at, start(text) + length(text) - at));
}

// The first address in a text from `from` on, 0 if there is none.
function found(text: Span, from: usize): Span {
  const end = start(text) + length(text);
  for (let sign = from; sign < end; sign++) {
    if (load<u8>(sign) != 0x40) continue;
    let local = sign, domain = sign + 1;
    while (local > from && isPart(load<u8>(local - 1))) local--;
    while (domain < end && isDomain(load<u8>(domain))) domain++;
    while (domain > sign + 1 && load<u8>(domain - 1) < 0x30) domain--; // dots and dashes
    let top = domain;
    while (top > sign + 1 && isLetter(load<u8>(top - 1))) top--;
    if (local < sign && domain - top >= 2 && load<u8>(top - 1) == 0x2e) return span(local, domain - local);
  }
  return 0;
}

function isLetter(c: u32): bool { return (c | 0x20) - 0x61 < 26; }

function isDomain(c: u32): bool { return isLetter(c) || c - 0x30 < 10 || c == 0x2d || c == 0x2e; }

function isPart(c: u32): bool { return isDomain(c) || c == 0x5f || c == 0x25 || c == 0x2b; }

function event(input: Span): void {
  const frame = splitFrame(input);
  if (!frame) return reject(500, "the frame is cut short");
  const state = frame.state, e = splitEvent(frame.payload);
  if (equals(e.name, "penstock.end")) giveOut(state);
  else if (equals(e.name, "chunk")) chunk(e.data, state);
}

// A choice of a chunk that has text to give out or to hold back.
class Piece {
  index: u32 = 0;
  delta: Json = 0;
  content: Json = 0;
  text: Span = 0; // What was waiting and what has come.
  held: usize = 0; // How much of its end waits now.
  changed: bool = false;

  out(): Span { return span(start(this.text), length(this.text) - this.held); }
}

function chunk(data: Json, state: Span): void {
  const pieces: Piece[] = [], choices = member(data, "choices");
  let changed = false;
  for (let c = items(choices); c; c = next(choices, c)) {
    const p = new Piece();
    if (!read(p, c, state)) continue;
    pieces.push(p);
    changed = changed || p.changed;
  }
  if (!changed) return;
  appendState(stateAfter(pieces, state));
  appendLine("");
  let at = start(data);
  for (let k = 0; k < pieces.length; k++) at = write(pieces[k], at);
  append(span(at, start(data) + length(data) - at));
}

// Reads a choice; false if it has no text.
function read(p: Piece, choice: Json, state: Span): bool {
  const waiting = waitingOf(state, p.index = <u32>whole(member(choice, "index"))), finished = !isNull(member(choice, "finish_reason"));
  p.delta = member(choice, "delta");
  p.content = member(p.delta, "content");
  const text = textOf(p.content);
  if (!text && !(finished && length(waiting) && kind(p.delta) == Kind.Object)) return false;
  p.text = joined(waiting, text);
  p.held = finished ? 0 : min(run(p.text), MOST);
  p.changed = length(waiting) + p.held > 0 || found(p.text, start(p.text)) != 0;
  return true;
}

// Appends the data from `at` on, with the choice's text changed, and returns where it goes on.
function write(p: Piece, at: usize): usize {
  if (!p.changed) return at;
  if (p.content) return replace(at, p.content, p.out());
  const into = start(raw(p.delta)) + 1;
  append(span(at, into - at));
  append("\"content\":\"");
  redact(p.out());
  append(members(p.delta) ? "\"," : "\"");
  return into;
}

// How long the run of an address's characters is with which a text ends.
function run(text: Span): usize {
  const end = start(text) + length(text);
  let at = end;
  while (at > start(text) && (isPart(load<u8>(at - 1)) || load<u8>(at - 1) == 0x40)) at--;
  return end - at;
}

function joined(a: Span, b: Span): Span {
  if (!length(a)) return b;
  const to = scratch(length(a) + length(b));
  memory.copy(to, start(a), length(a));
  memory.copy(to + length(a), start(b), length(b));
  return span(to, length(a) + length(b));
}

// A state is entries: a choice's index and the length of its waiting text, both u32, and the text.
function entryEnd(at: usize): usize { return at + 8 + load<u32>(at, 4); }

function waitingOf(state: Span, index: u32): Span {
  const end = start(state) + length(state);
  for (let at = start(state); at < end; at = entryEnd(at)) {
    if (load<u32>(at) == index) return span(at + 8, load<u32>(at, 4));
  }
  return 0;
}

// What waits after a chunk: the old entries without those of the pieces, then these.
function stateAfter(pieces: Piece[], state: Span): Span {
  const from = scratch(length(state) + <usize>pieces.length * (8 + MOST)), end = start(state) + length(state);
  let to = from;
  for (let at = start(state); at < end; at = entryEnd(at)) {
    if (has(pieces, load<u32>(at))) continue;
    memory.copy(to, at, entryEnd(at) - at);
    to += entryEnd(at) - at;
  }
  for (let k = 0; k < pieces.length; k++) {
    const p = pieces[k], out = p.out();
    if (!p.held) continue;
    store<u32>(to, p.index);
    store<u32>(to, <u32>p.held, 4);
    memory.copy(to + 8, start(out) + length(out), p.held);
    to = entryEnd(to);
  }
  return span(from, to - from);
}

function has(pieces: Piece[], index: u32): bool {
  for (let k = 0; k < pieces.length; k++) if (pieces[k].index == index) return true;
  return false;
}

// Gives out what still waits at the end of a stream, by index.
function giveOut(state: Span): void {
  const end = start(state) + length(state), entries: usize[] = [];
  for (let at = start(state); at < end; at = entryEnd(at)) entries.push(at);
  if (!entries.length) return;
  entries.sort((a, b) => load<u32>(a) < load<u32>(b) ? -1 : 1);
  appendState(0);
  for (let k = 0; k < entries.length; k++) {
    const at = entries[k];
    appendLine("{\"choices\":[{\"index\":");
    appendWhole(load<u32>(at));
    append(",\"delta\":{\"content\":\"");
    redact(span(at + 8, load<u32>(at, 4)));
    append("\"},\"finish_reason\":null}]}");
  }
}
