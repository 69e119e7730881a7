// JSON, read where it stands, without a tree, and written. A value is a span of the input that
// begins with it and reaches to the end of what is around it: to look for its own end is a pass over
// it, which often nobody needs; raw() does. Nothing is checked, since the host vouches for what it
// sends: text that is not JSON is answered with something or other.
import { dtoa_buffered } from "util/number";
import { append, bytes, grown, length, reserve, scratch, span, Span, start } from "./call";

/** A value; 0 when there is none, whose kind is None. */
export type Json = Span;

export enum Kind { None, Null, False, True, Number, Text, List, Object }

/** What a value is; None for no value. */
export function kind(v: Json): Kind {
  const c = peek(start(v), start(v) + length(v));
  if (c == 0x22) return Kind.Text;
  if (c == 0x2d || c - 0x30 < 10) return Kind.Number;
  if ((c | 0x20) == 0x7b) return c == 0x7b ? Kind.Object : Kind.List;
  return c == 0x74 ? Kind.True : c == 0x66 ? Kind.False : c == 0x6e ? Kind.Null : Kind.None;
}

/** Says whether there is no value, or the value null. */
export function isNull(v: Json): bool { return kind(v) <= Kind.Null; }

/** The first item of a list, 0 if there is none. The others follow with next(). */
export function items(list: Json): Json { return kind(list) == Kind.List ? child(list, start(list) + 1) : 0; }

/** The name of the first member of an object, 0 if there is none. The others follow with next(). */
export function members(object: Json): Json { return kind(object) == Kind.Object ? child(object, start(object) + 1) : 0; }

/** What follows the item v of a list, or the value v of a member; 0 at the end. */
export function next(outer: Json, v: Json): Json {
  const end = start(outer) + length(outer), to = space(valueEnd(start(v), end), end);
  if (peek(to, end) == 0x2c) return child(outer, to + 1);
  if (to < end) remember(start(outer), to + 1);
  return 0;
}

/** The value of the member with this name. What follows it in the object is next(object, value). */
export function value(name: Json): Json {
  const end = start(name) + length(name), at = space(space(textEnd(start(name), end), end) + 1, end); // behind the colon
  return span(min(at, end), end - min(at, end));
}

// The item or name at `at`, 0 if the brackets are empty.
// @ts-ignore: decorator
@inline function child(outer: Json, at: usize): Json {
  const end = start(outer) + length(outer);
  at = space(at, end);
  if (at >= end || load<u8>(at) != load<u8>(start(outer)) + 2) return at < end ? span(at, end - at) : 0;
  remember(start(outer), at + 1);
  return 0;
}

/** The value of an object's first member of this name, which is ASCII; 0 if there is none. */
export function member(object: Json, name: string): Json {
  for (let m = members(object), v: Json = 0; m; m = next(object, v)) {
    v = value(m);
    if (is(m, name)) return v;
  }
  return 0;
}

/** Says whether a name or another string is this text, which is ASCII. */
// @ts-ignore: decorator
@inline export function is(v: Json, text: string): bool {
  const c = load<u8>(start(v) + 1);
  return (c == load<u8>(changetype<usize>(text)) || c == 0x5c) && isAll(v, text);
}

function isAll(v: Json, text: string): bool {
  const at = start(v) + 1, n = text.length;
  let k = 0;
  while (k < n && load<u8>(at + k) == load<u8>(changetype<usize>(text) + (k << 1))) k++;
  const c = load<u8>(at + k);
  return load<u8>(at - 1) == 0x22 && (k == n && c == 0x22 || c == 0x5c && equals(textOf(v), text));
}

/** Says whether these bytes are this text. */
export function equals(have: Span, text: string): bool {
  const want = bytes(text);
  return length(have) == length(want) && memory.compare(start(have), start(want), length(want)) == 0;
}

/** The bytes of a value as they stand in the input, 0 for no value. */
export function raw(v: Json): Span { return v ? span(start(v), valueEnd(start(v), start(v) + length(v)) - start(v)) : 0; }

/** A text's spelling between its quotes, 0 if it is none. */
export function inside(v: Json): Span { return kind(v) == Kind.Text ? span(start(v) + 1, max(length(raw(v)), 2) - 2) : 0; }

/** A text's characters in UTF-8, where they stand or decoded into scratch; 0 if it is none. */
export function textOf(v: Json): Span {
  const text = inside(v), at = start(text), end = at + length(text);
  if (!text || plainEnd(at, end) == end) return text;
  const to = scratch(end - at + 4);
  return span(to, decode(at, end, to) - to);
}

const units = memory.data(4);

// Decodes a text's inside. Half of a surrogate pair becomes U+FFFD.
function decode(at: usize, end: usize, to: usize): usize {
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c != 0x5c) store<u8>(to++, c);
    else if (peek(++at, end) != 0x75) store<u8>(to++, meaning(peek(at, end)));
    else {
      const low = at + 11 <= end && load<u16>(at + 5) == 0x755c ? hex(at + 7) : 0;
      const pair = hex(at + 1) >>> 10 == 0x36 && low >>> 10 == 0x37;
      store<u32>(units, hex(at + 1) | low << 16);
      to += String.UTF8.encodeUnsafe(units, pair ? 2 : 1, to, false, String.UTF8.ErrorMode.REPLACE);
      at += pair ? 10 : 4;
    }
  }
  return to;
}

// The character that e stands for behind a backslash.
function meaning(e: u32): u32 {
  return e == 0x6e ? 0x0a : e == 0x74 ? 0x09 : e == 0x72 ? 0x0d : e == 0x62 ? 0x08 : e == 0x66 ? 0x0c : e;
}

// The number that four hexadecimal digits spell.
function hex(at: usize): u32 {
  let v: u32 = 0;
  for (let k = 0; k < 4; k++) v = v << 4 | ((load<u8>(at + k) & 15) + (load<u8>(at + k) >>> 6) * 9);
  return v;
}

/** The value of a number, within a unit or two of the last place; NaN if it is none. */
export function number(v: Json): f64 {
  const end = start(v) + length(v), minus = peek(start(v), end) == 0x2d, digits = start(v) + <usize>minus;
  let at = digits, m: u64 = 0, e = 0, dot = 0, power = 0;
  for (let c: u32 = 0; (c = peek(at, end) - 0x30) < 10 || c == -2 && !dot && at > digits; at++) {
    if (c > 9) dot = 1;
    else if (m < 100000000000000000) m = m * 10 + c, e -= dot;
    else e += 1 - dot; // more digits than count
  }
  if (at == digits) return NaN;
  if ((peek(at, end) | 0x20) == 0x65) {
    const sign = peek(++at, end);
    for (at += sign == 0x2b || sign == 0x2d ? 1 : 0; peek(at, end) - 0x30 < 10; at++) power = min(power * 10 + load<u8>(at) - 0x30, 9999);
    e += sign == 0x2d ? -power : power;
  }
  if (peek(at, end) > 0x2c && (peek(at, end) | 0x20) != 0x7d) return NaN;
  const x = e ? scaled(m, e) : <f64>m;
  return minus ? -x : x;
}

// m × 10^e, with m below 10^18.
function scaled(m: u64, e: i32): f64 {
  let shift = 0;
  if (!m || e < -400) return 0;
  for (e = min(e, 400); e > 0; e--, m *= 10) {
    for (; m >>> 60; shift++) m = (m >>> 1) + (m & 1);
  }
  for (; e < 0; e++) {
    shift -= <i32>clz(m);
    m <<= clz(m);
    m = m / 10 + <u64>(m % 10 > 4);
  }
  return <f64>m * power2(shift >> 1) * power2(shift - (shift >> 1));
}

function power2(e: i32): f64 { return reinterpret<f64>(<u64>(e + 1023) << 52); }

/** The value of a number without a dot or an exponent; `otherwise` if it is none, or one that 64 bits do not hold. */
export function whole(v: Json, otherwise: i64 = 0): i64 {
  const text = kind(v) == Kind.Number ? raw(v) : 0, minus = text && load<u8>(start(text)) == 0x2d, most = <u64>i64.MAX_VALUE + <u64>minus;
  let n: u64 = 0;
  for (let at = start(text) + <usize>minus, end = start(text) + length(text); at < end; at++) {
    const c = <u64>load<u8>(at) - 0x30;
    if (c > 9 || n > (most - c) / 10) return otherwise;
    n = n * 10 + c;
  }
  return length(text) == <usize>minus ? otherwise : minus ? 0 - <i64>n : <i64>n;
}

// Bytes are looked at 8 at a time: a byte's high bit is the mark. Of several marks in a word only
// the lowest is sure. A loop and a call cost fuel, so the first words are looked at without either.
const ones: u64 = 0x0101010101010101;
const high: u64 = 0x8080808080808080;
// @ts-ignore: decorator
@inline function mark(at: usize, marks: u64, end: usize): usize { return min(at + <usize>(ctz(marks) >>> 3), end); }

// Marks quotes, backslashes and control characters.
// @ts-ignore: decorator
@inline function special(x: u64): u64 { return (x - 0x20 * ones | (x ^ 0x22 * ones) - ones | (x ^ 0x5c * ones) - ones) & ~x & high; }

// Marks what ends a number or a word.
// @ts-ignore: decorator
@inline function ending(x: u64): u64 {
  return (x - 0x2b * ones | (x ^ 0x2c * ones) - ones | ((x | 0x20 * ones) ^ 0x7d * ones) - ones) & ~x & high;
}

// Marks quotes and brackets.
// @ts-ignore: decorator
@inline function nesting(x: u64): u64 {
  const y = x | 0x20 * ones;
  return ((x ^ 0x22 * ones) - ones | (y ^ 0x7b * ones) - ones | (y ^ 0x7d * ones) - ones) & ~x & high;
}

// The byte at `at`, 0 at the end.
// @ts-ignore: decorator
@inline function peek(at: usize, end: usize): u32 { return at < end ? load<u8>(at) : 0; }

// @ts-ignore: decorator
@inline function space(at: usize, end: usize): usize { return load<u8>(at) > 0x20 ? at : spaces(at, end); }

function spaces(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) <= 0x20) at++;
  return at;
}

// The first byte from `at` on that special marks, `end` without any.
// @ts-ignore: decorator
@inline function plainEnd(at: usize, end: usize): usize {
  let marks = special(load<u64>(at));
  if (marks) return mark(at, marks, end);
  marks = special(load<u64>(at, 8));
  return marks ? mark(at + 8, marks, end) : farEnd(at + 16, end);
}

function farEnd(at: usize, end: usize): usize {
  for (; at < end; at += 8) {
    const marks = special(load<u64>(at));
    if (marks) return mark(at, marks, end);
  }
  return end;
}

// Behind the text that begins at `at`.
// @ts-ignore: decorator
@inline function textEnd(at: usize, end: usize): usize {
  at = plainEnd(at + 1, end);
  return peek(at, end) == 0x5c ? escapedEnd(at, end) : min(at + 1, end);
}

function escapedEnd(at: usize, end: usize): usize {
  while (peek(at, end) == 0x5c) at = plainEnd(at + 2, end);
  return min(at + 1, end);
}

// Behind the value that begins at `at`.
// @ts-ignore: decorator
@inline function valueEnd(at: usize, end: usize): usize {
  const c = peek(at, end);
  if (c == 0x22) return textEnd(at, end);
  if ((c | 0x20) == 0x7b) return at == closed ? closedEnd : containerEnd(at, end);
  const marks = ending(load<u64>(at));
  return marks ? mark(at, marks, end) : farScalarEnd(at + 8, end);
}

function farScalarEnd(at: usize, end: usize): usize {
  for (; at < end; at += 8) {
    const marks = ending(load<u64>(at));
    if (marks) return mark(at, marks, end);
  }
  return end;
}

function containerEnd(at: usize, end: usize): usize {
  for (let depth = 0; at < end;) {
    const marks = nesting(load<u64>(at));
    at = marks ? mark(at, marks, end) : at + 8;
    const c = marks ? peek(at, end) : 0;
    if (c == 0x22) at = textEnd(at, end);
    else if (c) {
      at++;
      depth += (c | 0x20) == 0x7b ? 1 : -1;
      if (depth <= 0) return at;
    }
  }
  return end;
}

// The list or object that was walked through last, and where it ends: who reads on behind it need
// not look for that again.
let closed: usize = 0, closedEnd: usize = 0;

// @ts-ignore: decorator
@inline function remember(at: usize, end: usize): void {
  closed = at;
  closedEnd = end;
}

// Ends what is remembered of the input of the call before.
export function forget(): void { closed = 0; }

/** Appends a text, which is UTF-8, as a JSON string, escaped as far as JSON requires. */
export function appendText<T>(text: T): void {
  append("\"");
  appendInside(text);
  append("\"");
}

/** The same without the quotes. */
export function appendInside<T>(text: T): void {
  const s = bytes(text), end = start(s) + length(s);
  let from = start(s);
  for (let at = from; (at = plainEnd(from, end)) < end; from = at + 1) {
    append(span(from, at - from));
    escape(load<u8>(at));
  }
  append(span(from, end - from));
}

function escape(c: u32): void {
  const to = reserve(8), digit = c & 15;
  store<u64>(to, 0x303030755c); // \u000
  if (c >= 0x20) store<u8>(to, c, 1);
  else store<u16>(to, (digit < 10 ? 0x30 : 0x57) + digit << 8 | 0x30 + (c >>> 4), 4);
  grown(c >= 0x20 ? 2 : 6);
}

/** Appends a number that reads back as x, without a dot if it is whole. JSON has only finite ones: others are null. */
export function appendNumber(x: f64): void {
  if (!isFinite(x)) return append("null");
  if (x == Math.trunc(x) && Math.abs(x) < 9007199254740992) return appendWhole(<i64>x);
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
