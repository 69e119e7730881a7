// Uses all that the host offers, and what the examples leave out, for the gateway's tests.
import {
  append, appendText, appendWhole, call, items, Json, kind, Kind, kvGet, kvSet, Level, log, member, members, metricAdd, next, nowMs,
  raw, randomU64, textOf, valid, value, whole,
} from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_route(ptr: usize, len: usize): u64 { return call(host, ptr, len); }
export function penstock_transform_request(ptr: usize, len: usize): u64 { return call(echo, ptr, len); }

function host(input: Json): void {
  log(Level.Warn, "a line");
  log(Level.Info, textOf(member(input, "text")));
  metricAdd("calls", 2.5);
  append("{\"now\":");
  appendWhole(nowMs());
  append(",\"random\":");
  appendText(randomU64() != randomU64() ? "differs" : "same");
  append(",\"before\":");
  const before = kvGet("k");
  if (before) appendText(before);
  else append("null");
  append(kvSet("k", textOf(member(input, "text")), 60) ? ",\"set\":true" : ",\"set\":false");
  append(",\"after\":");
  appendText(kvGet("k"));
  append("}");
}

// Says of every element what it is, as text and as a whole number, and at the end whether all of
// the input was valid. It walks through objects in both of the ways that there are.
function echo(input: Json): void {
  for (let v = items(input); v; v = next(input, v)) {
    appendWhole(kind(v));
    append(" ");
    appendWhole(whole(v, -1));
    append(" ");
    if (kind(v) == Kind.Text) appendText(textOf(v));
    else if (kind(v) != Kind.Object) append(raw(v));
    for (let m = members(v); m; m = next(v, m)) appendText(textOf(m));
    for (let m = members(v), x: Json = 0; m; m = next(v, x)) {
      x = value(m);
      append(raw(x));
    }
    append("\n");
  }
  for (let m = members(input), x: Json = 0; m; m = next(input, x)) {
    x = value(m);
    for (let w = items(x); w; w = next(x, w)) for (let k = items(w); k; k = next(w, k)) {}
  }
  if (!valid(input)) append("invalid");
}
