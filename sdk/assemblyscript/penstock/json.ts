// Reading JSON where it stands, without a tree. A value is a span of the input that begins with
// it and reaches to the end of the object or array around it: to look for its own end is a pass
// over it, which often nobody needs. raw() finds it. A walk checks what it passes and ends where it
// is malformed; what was found in text that is not valid() means nothing.
import { bytes, length, scratch, span, Span, start, unscratch } from "./call";
import { numberEnd } from "./number";

/** A value; 0 when there is none, whose kind is None. */
export type Json = Span;

export enum Kind { None, Null, False, True, Number, Text, List, Object }

// Bytes are looked at 8 at a time: a byte's high bit is the mark. Of several marks in a word only
// the lowest is sure. A loop and a call cost fuel, so the first words are looked at without either.
const ones: u64 = 0x0101010101010101;
export const high: u64 = 0x8080808080808080;
// @ts-ignore: decorator
@inline export function mark(at: usize, marks: u64, end: usize): usize { return min(at + <usize>(ctz(marks) >>> 3), end); }

// Marks quotes, backslashes, control characters and what has a bit in `also`, which is 0 or high.
// @ts-ignore: decorator
@inline function special(x: u64, also: u64): u64 {
  const low = x - 0x20 * ones | (x ^ 0x22 * ones) - ones | (x ^ 0x5c * ones) - ones;
  return (low & ~x | x & also) & high;
}

// The first byte from `at` on that special marks, `end` without any.
// @ts-ignore: decorator
@inline export function plainEnd(at: usize, end: usize, also: u64 = 0): usize {
  let marks = special(load<u64>(at), also);
  if (marks) return mark(at, marks, end);
  marks = special(load<u64>(at, 8), also);
  return marks ? mark(at + 8, marks, end) : farEnd(at + 16, end, also);
}

function farEnd(at: usize, end: usize, also: u64): usize {
  for (; at < end; at += 8) {
    const marks = special(load<u64>(at), also);
    if (marks) return mark(at, marks, end);
  }
  return end;
}

// The byte at `at`, 0 at the end.
// @ts-ignore: decorator
@inline export function peek(at: usize, end: usize): u32 { return at < end ? load<u8>(at) : 0; }

// @ts-ignore: decorator
@inline function space(at: usize, end: usize): usize { return load<u8>(at) > 0x20 ? at : spaces(at, end); }

function spaces(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) <= 0x20 && 0x100002600 >>> <u64>load<u8>(at) & 1) at++;
  return at;
}

// Behind the string that begins at `at`, or 0 if it is malformed or does not end.
// @ts-ignore: decorator
@inline function stringEnd(at: usize, end: usize): usize {
  at = plainEnd(at + 1, end);
  return peek(at, end) == 0x22 ? at + 1 : escapedEnd(at, end);
}

function escapedEnd(at: usize, end: usize): usize {
  for (; at < end; at = plainEnd(at, end)) {
    const c = load<u8>(at), e = peek(at + 1, end);
    if (c == 0x22) return at + 1;
    if (c < 0x20 || (e == 0x75 ? at + 6 > end || hex(at + 2) < 0 : unescaped(e) == 0)) return 0;
    at += e == 0x75 ? 6 : 2;
  }
  return 0;
}

// The character that a backslash and e stand for, 0 for none.
function unescaped(e: u32): u32 {
  if (e == 0x22 || e == 0x5c || e == 0x2f) return e;
  return e == 0x6e ? 0x0a : e == 0x74 ? 0x09 : e == 0x72 ? 0x0d : e == 0x62 ? 0x08 : e == 0x66 ? 0x0c : 0;
}

// The number that four hexadecimal digits spell, -1 if they are none.
function hex(at: usize): i32 {
  let v = 0;
  for (let k = 0; k < 4; k++) {
    const c = <u32>load<u8>(at + k), letter = (c | 0x20) - 0x61;
    if (c - 0x30 > 9 && letter > 5) return -1;
    v = v << 4 | (letter > 5 ? c - 0x30 : letter + 10);
  }
  return v;
}

// Behind the string, number or literal that begins at `at`, or 0 if it is malformed.
// @ts-ignore: decorator
@inline function scalarEnd(at: usize, end: usize, c: u32): usize {
  if (c == 0x22) return stringEnd(at, end);
  if (c <= 0x39) return numberEnd(at, end);
  const word = load<u32>(at); // "true", "null", or "fals" and "e"
  const n = word == 0x65757274 || word == 0x6c6c756e ? 4 : word == 0x736c6166 && load<u8>(at + 4) == 0x65 ? 5 : 0;
  return n && at + n <= end ? at + n : 0;
}

// Behind the value that begins at `at`, or 0 if it is malformed. The stack, a bit for every
// level of nesting, says what is an object.
function checked(at: usize, end: usize, stack: usize): usize {
  let depth: usize = 0, object = false;
  do { // once for every value or member
    if (object) {
      if (peek(at, end) != 0x22 || !(at = stringEnd(at, end))) return 0;
      if (peek(at = space(at, end), end) != 0x3a) return 0;
      at = space(at + 1, end);
    }
    const c = peek(at, end), to = stack + (depth >>> 3), bit = <u8>(depth & 7);
    if ((c | 0x20) == 0x7b) {
      store<u8>(to, load<u8>(to) & ~(1 << bit) | <u8>object << bit);
      depth++;
      object = c == 0x7b;
      if (peek(at = space(at + 1, end), end) != c + 2) continue;
    } else if (!(at = scalarEnd(at, end, c))) return 0;
    for (; depth; at++) { // once for every end of an object or array that follows
      const e = peek(at = space(at, end), end);
      if (e == 0x2c) {
        at = space(at + 1, end);
        break;
      }
      if (e != <u32>(object ? 0x7d : 0x5d)) return 0;
      depth--;
      object = (load<u8>(stack + (depth >>> 3)) >>> <u8>(depth & 7) & 1) != 0;
    }
  } while (depth);
  return at;
}

/**
 * Says whether the span holds one JSON value and nothing else. Nesting costs a bit a level, of
 * scratch. After a walk to the end of the value there is nothing left to check but what is behind it.
 */
export function valid(v: Json): bool {
  const end = start(v) + length(v), to = valueEnd(first(v), end);
  return to != 0 && space(to, end) == end;
}

// The end of the object or array that was walked through last: who reads on behind it need not
// look for it again.
let closed: usize = 0, closedEnd: usize = 0;

// Ends what is remembered of the input of the call before.
export function forget(): void { closed = 0; }

// @ts-ignore: decorator
@inline function first(v: Json): usize { return space(start(v), start(v) + length(v)); }

// Behind the value that begins at `at`, or 0 if it is malformed.
// @ts-ignore: decorator
@inline function valueEnd(at: usize, end: usize): usize {
  const c = peek(at, end);
  return (c | 0x20) == 0x7b ? containerEnd(at, end) : scalarEnd(at, end, c);
}

function containerEnd(at: usize, end: usize): usize {
  if (at == closed) return closedEnd;
  const size = (end - at >>> 3) + 1, to = checked(at, end, scratch(size));
  unscratch(size);
  return to;
}

/** What a value is; None for no value. */
export function kind(v: Json): Kind {
  const c = peek(first(v), start(v) + length(v));
  if (c == 0x22) return Kind.Text;
  if (c == 0x2d || c - 0x30 < 10) return Kind.Number;
  if ((c | 0x20) == 0x7b) return c == 0x7b ? Kind.Object : Kind.List;
  return c == 0x74 ? Kind.True : c == 0x66 ? Kind.False : c == 0x6e ? Kind.Null : Kind.None;
}

/** The first element of an array, 0 if there is none. The others follow with next(). */
export function items(list: Json): Json { return kind(list) == Kind.List ? child(list, first(list), true) : 0; }

/** The name of the first member of an object, 0 if there is none. The others follow with next(). */
export function members(object: Json): Json { return kind(object) == Kind.Object ? child(object, first(object), true) : 0; }

/** What follows the element v of an array, or the name v or its value in an object; 0 at the end, or where it is malformed. */
export function next(outer: Json, v: Json): Json {
  const end = start(outer) + length(outer), at = start(v);
  let to = valueEnd(at, end);
  if (load<u8>(first(outer)) == 0x7b && before(at) != 0x3a) to = valueEnd(behindColon(to, end), end);
  return to ? child(outer, space(to, end), false) : 0;
}

/** The value of the member with this name. What follows it in the object is next(object, value). */
export function value(name: Json): Json {
  const end = start(name) + length(name), at = behindColon(stringEnd(start(name), end), end);
  return span(at, end - at);
}

// What follows the colon at `at`; without one the end, where no value begins.
// @ts-ignore: decorator
@inline function behindColon(at: usize, end: usize): usize {
  at = at ? space(at, end) : end;
  return peek(at, end) == 0x3a ? space(at + 1, end) : end;
}

// The byte before `at` that is not space: a colon if a member's value is there.
// @ts-ignore: decorator
@inline function before(at: usize): u32 {
  const c = load<u8>(at - 1);
  return c > 0x20 ? c : farBefore(at);
}

function farBefore(at: usize): u32 {
  while (load<u8>(at - 1) <= 0x20) at--;
  return load<u8>(at - 1);
}

// The element or name behind the bracket or comma at `at`. At the closing bracket it is 0, and the
// end is remembered: all that stands before it was well-formed, or the walk had ended there.
// @ts-ignore: decorator
@inline function child(outer: Json, at: usize, opens: bool): Json {
  const end = start(outer) + length(outer), open = load<u8>(first(outer)), comma = peek(at, end) == 0x2c;
  if (opens || comma) at = space(at + 1, end);
  const c = peek(at, end);
  if (c == open + 2 && !comma) {
    closed = first(outer);
    closedEnd = at + 1;
    return 0;
  }
  return (opens || comma) && c && (open == 0x5b || c == 0x22) ? span(at, end - at) : 0;
}

/** The value of an object's first member of this name, which is ASCII; 0 if there is none. */
export function member(object: Json, name: string): Json {
  let m = members(object);
  while (m && !is(m, name)) m = next(object, m);
  return m ? value(m) : 0;
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

/** The bytes of a value as they stand in the input, 0 for no value or a malformed one. */
export function raw(v: Json): Span {
  const at = first(v);
  const to = length(v) ? valueEnd(at, start(v) + length(v)) : 0;
  return to ? span(at, to - at) : 0;
}

/** The characters of a string in UTF-8, where they stand or decoded into scratch; 0 if it is no string. */
export function textOf(v: Json): Span {
  if (kind(v) != Kind.Text) return 0;
  const text = raw(v), at = start(text) + 1, end = at + length(text) - 2;
  if (!text) return 0;
  if (plainEnd(at, end) == end) return span(at, end - at);
  const to = scratch(end - at);
  return span(to, decode(at, end, to) - to);
}

const units = memory.data(4);

// Decodes a string's inside. Half of a surrogate pair becomes U+FFFD.
function decode(at: usize, end: usize, to: usize): usize {
  for (; at < end; at++) {
    const c = load<u8>(at);
    if (c != 0x5c) store<u8>(to++, c);
    else if (peek(++at, end) != 0x75) store<u8>(to++, unescaped(load<u8>(at)));
    else {
      const half = hex(at + 1) >>> 10 == 0x36 && at + 11 <= end && load<u16>(at + 5) == 0x755c; // of a pair
      const pair = half && hex(at + 7) >>> 10 == 0x37;
      store<u32>(units, hex(at + 1) | hex(at + 7) << 16);
      to += String.UTF8.encodeUnsafe(units, pair ? 2 : 1, to, false, String.UTF8.ErrorMode.REPLACE);
      at += pair ? 10 : 4;
    }
  }
  return to;
}
