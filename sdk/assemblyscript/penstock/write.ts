// Appending to the output, JSON above all.
import { dtoa_buffered } from "util/number";
import { bytes, grown, length, reserve, span, start } from "./call";
import { high, plainEnd } from "./json";

/** Appends a Span or a string as it is. */
export function append<T>(text: T): void {
  if (isString<T>()) {
    const s = changetype<string>(text);
    grown(String.UTF8.encodeUnsafe(changetype<usize>(s), s.length, reserve(3 * s.length)));
  } else {
    const n = length(<u64>text);
    memory.copy(reserve(n), start(<u64>text), n);
    grown(n);
  }
}

/** Appends a text as a JSON string. Bytes that are not UTF-8 become U+FFFD. */
export function appendText<T>(text: T): void {
  append("\"");
  appendEscaped(text);
  append("\"");
}

/** Appends a text as it stands between the quotes of a JSON string. */
export function appendEscaped<T>(text: T): void {
  const s = bytes(text), end = start(s) + length(s);
  let from = start(s);
  for (let at = from; (at = plainEnd(at, end, high)) < end;) {
    const n = characterLength(at, end);
    if (!n) {
      append(span(from, at - from));
      escape(load<u8>(at));
      from = at + 1;
    }
    at += max(n, 1);
  }
  append(span(from, end - from));
}

function escape(c: u32): void {
  if (c >= 0x80) return append("\uFFFD");
  const to = reserve(8), digit = c & 15;
  store<u64>(to, 0x303030755c); // \u000
  if (c >= 0x20) store<u8>(to, c, 1);
  else store<u16>(to, (digit < 10 ? 0x30 : 0x57) + digit << 8 | 0x30 + (c >>> 4), 4);
  grown(c >= 0x20 ? 2 : 6);
}

// How long the character of several bytes at `at` is, 0 if it is none.
function characterLength(at: usize, end: usize): usize {
  const c = load<u8>(at), d = load<u8>(at + 1), n = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
  if (!n || at + n > end) return 0;
  // Longer than need be, a surrogate, or beyond U+10FFFF.
  if (c == 0xe0 && d < 0xa0 || c == 0xed && d > 0x9f || c == 0xf0 && d < 0x90 || c == 0xf4 && d > 0x8f) return 0;
  for (let k = 1; k < n; k++) if ((load<u8>(at + k) & 0xc0) != 0x80) return 0;
  return n;
}

/** Appends a number that reads back as x, without a dot if it is whole. JSON has only finite ones: others are null. */
export function appendNumber(x: f64): void {
  if (!isFinite(x)) return append("null");
  if (x == Math.trunc(x) && Math.abs(x) < 9007199254740992 && (x || 1 / x > 0)) return appendWhole(<i64>x);
  const to = reserve(64);
  let n = dtoa_buffered(to, x);
  for (let k: u32 = 0; k < n; k++) store<u8>(to + k, load<u8>(to + 2 * k));
  if (load<u16>(to + n - 2) == 0x302e) n -= 2; // .0
  grown(n);
}

/** Appends a whole number. */
export function appendWhole(n: i64): void {
  const to = reserve(40), end = to + 40;
  let at = end;
  for (let u = n < 0 ? 0 - <u64>n : <u64>n; u || at == end; u /= 10) store<u8>(--at, 0x30 + <u8>(u % 10));
  if (n < 0) store<u8>(--at, 0x2d);
  memory.copy(to, at, end - at);
  grown(end - at);
}
