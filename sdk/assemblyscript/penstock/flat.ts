// The binary forms: the flat record of routing, read where it stands, and the frames of events.
import { append, appended, grown, length, reserve, scratch, span, Span, start } from "./call";
import { appendNumber, appendText, appendWhole, equals } from "./json";

/** What remainingRequests and remainingTokens hold when nobody knows. */
export const UNLIMITED: u32 = u32.MAX_VALUE;

/** The flag of a ranked target that must not be tried at all. */
export const DROP: u32 = 1;

// The terms of a score. Costs, lost cache and gain are in US dollars, the latency is in milliseconds, the others are
// shares. A part is what a term adds to the score; LostCache is what a session would lose if it left the target, Gain
// what it would gain at the best other one.
export enum Term { Cost = 1, Quality, Latency, ErrorRate, Load, CostPart, QualityPart, LatencyPart, ErrorsPart, LostCache, Gain }

// Marks an entry of the answer that explains a score.
const IS_TERM: u32 = 2;

export enum RouteFlag { Stream = 1, NeedsTools = 2, NeedsVision = 4 }
export enum TargetFlag { Healthy = 1, Priced = 2, Fallback = 4, ContextKnown = 8 }

/**
 * One candidate. Prices are in nano-USD per million tokens and mean nothing without
 * TargetFlag.Priced; the context and cachedPrefix are in tokens, firstToken in milliseconds and
 * speed in tokens per second, both 0 when unknown; quality (NaN when unknown) and errorRate are
 * between 0 and 1; what remains is what is left this minute.
 */
@unmanaged export class Target {
  index: u32; flags: u32; priceIn: i64; priceOut: i64; priceCached: i64; context: u32; inflight: u32;
  quality: f64; firstToken: f64; speed: f64; errorRate: f64; weight: f64;
  order: i32; remainingRequests: u32; remainingTokens: u32; cachedPrefix: u32;
}

/**
 * What version 1.1 of the contract has added to a record: an upper bound of what the request costs in
 * nano-USD; the median and the 95th percentile of the time to the first token in milliseconds, 0 when
 * unknown; the number of recent attempts; what is left of the provider's limits, between 0 and 1; and a
 * hash of session and target, 0 without a session: ranking by it keeps sessions at their targets. A cost or
 * a share below 0 is unknown.
 */
@unmanaged export class Figures {
  estCost: i64; firstTokenP50: f64; firstTokenP95: f64; samples: f64; requestsLeft: f64; tokensLeft: f64; sticky: u64;
}

// What is known of a target when the gateway is of version 1.0.
const unknown = memory.data<f64>([0, 0, 0, 0, -1, -1, 0]);
store<i64>(unknown, -1);

/** A request: estInput is an upper estimate of the prompt in tokens, maxOutput 0 when there is no bound. */
@unmanaged export class Route {
  version: u16; recordSize: u16; size: u32; estInput: u32; maxOutput: u32; flags: u32;
  textOffset: u32; textLength: u32; requestOffset: u32;

  /** The k-th candidate, 0 ≤ k < size. */
  target(k: u32): Target { return changetype<Target>(changetype<usize>(this) + 32 + k * this.recordSize); }

  /** More of the k-th candidate, 0 ≤ k < size. A gateway of version 1.0 leaves all of it unknown. */
  figures(k: u32): Figures {
    return changetype<Figures>(this.recordSize < 152 ? unknown : changetype<usize>(this.target(k)) + 96);
  }

  /** How many requests the k-th candidate takes at once, 0 ≤ k < size; 0 means any number, or that nobody says. */
  maxInflight(k: u32): u32 { return field(this, k, 152); }

  /** How many output tokens the k-th candidate's reply will probably have, 0 ≤ k < size; 0 means unknown. */
  expectedOutput(k: u32): u32 { return field(this, k, 156); }

  /**
   * What the consecutive requests of an agent share; 0 if there is nothing. Like the other texts, the
   * manifest has to name it in its reads.
   */
  session(): Span { return find(this, 1, ""); }

  /** The value of a tag; 0 if there is none. */
  tag(name: string): Span { return find(this, 3, name); }

  /** The text of the last message of the user that has any, at most 8 KiB; 0 without one. Grant: read:messages. */
  lastUserText(): Span { return find(this, 4, ""); }

  /** The label that a classifier endpoint has given the request, at most 64 bytes; 0 without one. */
  class(): Span { return find(this, 5, ""); }

  /** The route's setting of this name, or the seed; 0 if there is none. */
  setting(name: string): Span {
    const at = changetype<usize>(this) + this.textOffset;
    let line = span(at, this.textLength);
    while (line = after(line, 0x0a)) {
      const own = before(line, 0x0a);
      if (equals(before(own, 0x3d), name)) return after(own, 0x3d);
    }
    return 0;
  }
}

// A number behind the k-th candidate's figures, at an offset of its record; 0 when the host sends none.
function field(r: Route, k: u32, at: u32): u32 { return r.recordSize < at + 4 ? 0 : load<u32>(changetype<usize>(r.target(k)) + at); }

// The first of the request's texts of a kind: 1 is the session, 2 the name of a tag, 3 its value, which comes
// next, 4 the last user text, 5 the class.
function find(r: Route, kind: u32, tag: string): Span {
  if (!r.requestOffset) return 0;
  let at = changetype<usize>(r) + r.requestOffset + 4, named = kind != 3;
  for (const end = at + load<u32>(at - 4); end - at >= 8;) {
    const own = load<u32>(at), n = <usize>load<u32>(at, 4);
    if (n > end - at - 8) return 0;
    const text = span(at + 8, n);
    if (own == 2 && kind == 3) named = equals(text, tag);
    if (own == kind && named) return text;
    at += 8 + n;
  }
  return 0;
}

// What stands in a span before a byte, all of it without one.
function before(s: Span, c: u8): Span {
  const at = start(s), end = at + length(s);
  let to = at;
  while (to < end && load<u8>(to) != c) to++;
  return span(at, to - at);
}

// What stands in a span behind a byte, 0 without one.
function after(s: Span, c: u8): Span {
  const n = length(before(s, c)) + 1;
  return n > length(s) ? 0 : span(start(s) + n, length(s) - n);
}

/** The input of penstock_route_flat, null if its header does not fit. */
export function readRoute(input: Span): Route | null {
  const r = changetype<Route>(start(input)), size = <u64>length(input);
  if (size < 32 || r.version != 1 || r.recordSize < 96 || r.recordSize & 7) return null;
  const texts = <u64>r.requestOffset + 4;
  if (r.requestOffset && (texts > size || texts + load<u32>(<usize>texts - 4 + start(input)) > size)) return null;
  return 32 + <u64>r.size * r.recordSize > size || <u64>r.textOffset + r.textLength > size ? null : r;
}

/** Appends a target to the answer, the best first. A higher score is better; it must not be NaN. */
export function appendRank(index: u32, flags: u32, score: f64): void { rank(reserve(16), index, flags, score); }

/** Appends one term of a target's score, a finite number, for explanations. It does not rank the target. */
export function appendTerm(index: u32, term: Term, value: f64): void { appendRank(index, IS_TERM | <u32>term << 8, value); }

/** Puts a target in its place in an answer of such: higher scores come first, equal ones by index. */
export function insertRank(index: u32, flags: u32, score: f64): void {
  let at = reserve(16);
  for (const from = start(appended()); at > from; at -= 16) {
    const s = load<f64>(at - 8);
    if (s > score || s == score && load<u32>(at - 16) < index) break;
    memory.copy(at, at - 16, 16);
  }
  rank(at, index, flags, score);
}

function rank(at: usize, index: u32, flags: u32, score: f64): void {
  store<u64>(at, <u64>flags << 32 | index);
  store<f64>(at, score, 8);
  grown(16);
}

/**
 * Turns a flat answer, whose scores must be finite, into the JSON one, with the reason why in one
 * line. One without targets stays empty: no opinion.
 */
export function rankingJson<T>(reason: T): void {
  const size = length(appended());
  if (!size) return;
  const ranks = scratch(size);
  memory.copy(ranks, start(appended()), size);
  grown(-size);
  append("{\"ranking\":[");
  appendRanks(ranks, ranks + size, 0);
  append("],\"drop\":[");
  appendRanks(ranks, ranks + size, DROP);
  append("],\"reason\":");
  appendText(reason);
  append("}");
}

// Appends the items of a list of those targets that are dropped, or of the others.
function appendRanks(at: usize, end: usize, dropped: u32): void {
  for (let comma = false; at < end; at += 16) {
    if (load<u32>(at, 4) & IS_TERM || (load<u32>(at, 4) & DROP) != dropped) continue;
    if (comma) append(",");
    comma = true;
    if (!dropped) append("{\"i\":");
    appendWhole(load<u32>(at));
    if (dropped) continue;
    append(",\"score\":");
    appendNumber(load<f64>(at, 8));
    append("}");
  }
}

/** The most state that the host carries from event to event, in bytes. */
export const MAX_STATE: usize = 64 << 10;

// Set by splitFrame and splitEvent, valid until their next call.
export class Frame { state: Span = 0; payload: Span = 0; }
export class Event { name: Span = 0; data: Span = 0; }
const frame = new Frame(), event = new Event();

/** Takes an event hook's input apart, null if it is cut short. The next call overwrites the result. */
export function splitFrame(input: Span): Frame | null {
  const at = start(input) + 4, size = length(input) - 4, n = <usize>load<u32>(start(input));
  if (length(input) < 4 || n > size) return null;
  frame.state = span(at, n);
  frame.payload = span(at + n, size - n);
  return frame;
}

/** Takes a payload apart into the event's name and data. The next call overwrites the result. */
export function splitEvent(payload: Span): Event {
  event.name = before(payload, 0x0a);
  event.data = after(payload, 0x0a);
  return event;
}

let payloadAt: usize = 0;

/** Begins an event hook's output with the state to carry to the next call. The payload follows it. */
export function appendState(state: Span): void {
  store<u32>(reserve(4), length(state));
  grown(4);
  append(state);
  payloadAt = length(appended());
}

/** Begins a line of the payload with this text; more may be appended to it. */
export function appendLine<T>(text: T): void {
  if (length(appended()) > payloadAt) append("\n");
  append(text);
}
