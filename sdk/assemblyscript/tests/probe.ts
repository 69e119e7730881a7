// A plugin for the gateway's tests, which uses what the examples do not.
import {
  append, appended, appendNumber, appendRank, appendTerm, appendText, appendWhole, call, DROP, insertRank, is, items, Json, Kind, kind, kvGet, kvSet, length, Level, log, member,
  members, metricAdd, next, nowMs, number, randomU64, rankingJson, raw, readRoute, reject, Span, Term, textOf, value, whole,
} from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_route(ptr: usize, len: usize): u64 { return call(again, ptr, len); }
export function penstock_transform_request(ptr: usize, len: usize): u64 { return call(host, ptr, len); }

export function penstock_accept_request(ptr: usize, len: usize): u64 { return call(rank, ptr, len); }

export function penstock_route_flat(ptr: usize, len: usize): u64 { return call(known, ptr, len); }

export function penstock_render_response(ptr: usize, len: usize): u64 { return call(terms, ptr, len); }

// Writes what a flat route has that version 1.0 of the contract did not have.
function known(input: Span): void {
  const r = readRoute(input);
  if (!r) return reject(500, "the header does not fit");
  append("[");
  appendText(r.session());
  append(",");
  appendText(r.lastUserText());
  append(",");
  appendText(r.class());
  tag(r.tag("app"));
  tag(r.tag("none"));
  for (let k: u32 = 0; k < r.size; k++) {
    const f = r.figures(k);
    integer(r.target(k).cachedPrefix), integer(f.estCost), integer(f.sticky >> 32), integer(f.sticky & 0xffffffff), integer(r.maxInflight(k)), integer(r.expectedOutput(k));
    real(f.firstTokenP50), real(f.firstTokenP95), real(f.samples), real(f.requestsLeft), real(f.tokensLeft);
  }
  append("]");
}

function tag(value: Span): void {
  append(",");
  if (value) appendText(value);
  else append("null");
}

function integer(n: i64): void { append(","), appendWhole(n); }

function real(x: f64): void { append(","), appendNumber(x); }

// Ranks by a list of scores; every second one is dropped.
function rank(list: Json): void {
  let k: u32 = 0;
  for (let v = items(list); v; v = next(list, v)) insertRank(k, k % 2 * DROP, number(v)), k++;
  if (k) appendTerm(0, Term.Latency, 0.5); // which JSON has no place for
  rankingJson("the \"odd\" ones are dropped");
}

// Ranks by a list of scores, each with a term.
function terms(list: Json): void {
  let k: u32 = 0;
  for (let v = items(list); v; v = next(list, v)) {
    appendRank(k, 0, number(v));
    appendTerm(k, Term.Latency, -number(v));
    k++;
  }
}

// Reads a list, or an object's values, and writes them as a list by way of what they mean.
function again(list: Json): void {
  let found = false;
  for (let v = items(list); v; v = next(list, v)) write(v);
  for (let m = members(list), v: Json = 0; m; m = next(list, v)) {
    v = value(m);
    found = found || is(m, "x");
    write(v);
  }
  if (found != (kind(member(list, "x")) != Kind.None)) return reject(500, "x");
  append(length(appended()) ? "]" : "[]");
}

function write(v: Json): void {
  append(length(appended()) ? "," : "[");
  if (kind(v) == Kind.Text) appendText(textOf(v));
  else if (kind(v) != Kind.Number) append(raw(v));
  else if (whole(v, 0) == whole(v, 1)) appendWhole(whole(v));
  else appendNumber(number(v));
}

// Calls the host's functions.
function host(input: Span): void {
  log(Level.Info, input);
  metricAdd("calls", 1);
  append(kvGet("key"));
  append(" ");
  appendWhole(nowMs());
  if (randomU64() == randomU64()) return reject(500, "the random numbers are the same");
  if (!kvSet("key", input, 60)) reject(500, "the store is full");
}
