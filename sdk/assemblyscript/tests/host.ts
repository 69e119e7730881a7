// Uses all that the host offers, and what the examples leave out, for the gateway's tests.
import {
  append, appendText, appendWhole, call, items, Json, kind, Kind, kvGet, kvSet, Level, log, member, metricAdd, next, nowMs,
  raw, randomU64, textOf, valid, whole,
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

// Says of every element what it is, as text and as a whole number.
function echo(input: Json): void {
  if (!valid(input)) return append("invalid");
  for (let v = items(input); v; v = next(input, v)) {
    appendWhole(kind(v));
    append(" ");
    appendWhole(whole(v, -1));
    append(" ");
    if (kind(v) == Kind.Text) appendText(textOf(v));
    else append(raw(v));
    append("\n");
  }
}
