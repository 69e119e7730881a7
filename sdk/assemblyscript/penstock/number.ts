// Reading numbers. A double is the one nearest to the number as written, whatever its length.
import { scratch, start, length, unscratch } from "./call";
import { high, Json, Kind, kind, mark, peek, raw } from "./json";

// @ts-ignore: decorator
@inline function digitsEnd(at: usize, end: usize): usize {
  const x = load<u64>(at) ^ 0x3030303030303030, marks = ((x & ~high) + 0x7676767676767676 | x) & high;
  return marks ? mark(at, marks, end) : farDigitsEnd(at + 8, end);
}

function farDigitsEnd(at: usize, end: usize): usize {
  while (peek(at, end) - 0x30 < 10) at++;
  return min(at, end);
}

// Behind the JSON number that begins at `at`, or 0 if there is none.
// @ts-ignore: decorator
@inline export function numberEnd(at: usize, end: usize): usize {
  if (load<u8>(at) == 0x2d) at++;
  const to = digitsEnd(at, end), c = peek(to, end) | 0x20;
  if (to <= at || to > at + 1 && load<u8>(at) == 0x30) return 0;
  return c == 0x2e || c == 0x65 ? fractionEnd(to, end) : to;
}

function fractionEnd(to: usize, end: usize): usize {
  let at = to;
  if (peek(to, end) == 0x2e && (to = digitsEnd(at = to + 1, end)) <= at) return 0;
  if ((peek(to, end) | 0x20) != 0x65) return to;
  at = to + 1;
  if (peek(at, end) == 0x2b || peek(at, end) == 0x2d) at++;
  to = digitsEnd(at, end);
  return to <= at ? 0 : to;
}

/** The value of a number, NaN if it is none. */
export function number(v: Json): f64 {
  const text = kind(v) == Kind.Number ? raw(v) : 0, end = start(text) + length(text);
  if (!text) return NaN;
  const minus = load<u8>(start(text)) == 0x2d, at = start(text) + <usize>minus;
  const x = end - at < 16 && digitsEnd(at, end) == end ? <f64>digits(at, end) : size(at, end, 0);
  return minus ? -x : x;
}

/** The value of a whole number; `otherwise` if it is none, or one that 64 bits do not hold. */
export function whole(v: Json, otherwise: i64 = 0): i64 {
  const x = number(v), minus = x < 0, text = isNaN(x) ? 0 : raw(v);
  const at = start(text) + <usize>minus, end = start(text) + length(text);
  if (end - at > 19 || digitsEnd(at, end) != end) { // as in 1.0 and 1e3
    return x == Math.trunc(x) && Math.abs(x) < 9223372036854775808.0 ? <i64>x : otherwise;
  }
  const n = digits(at, end);
  return n > <u64>i64.MAX_VALUE + <u64>minus || !text ? otherwise : minus ? 0 - <i64>n : <i64>n;
}

// The value of no more than 19 digits.
function digits(at: usize, end: usize): u64 {
  let n: u64 = 0;
  for (; at < end; at++) n = n * 10 + (load<u8>(at) - 0x30);
  return n;
}

// The value of the number without a sign from `at` to `end`. Up to 2^53, and with no more than 22
// places to move the point by, both factors are exact, so that rounding once is right. Otherwise
// it begins again with an integer of many words, `big`. What that has no room for, digits from
// the 866th on, matters only in that it is there.
function size(at: usize, end: usize, big: usize): f64 {
  const most: u64 = 9007199254740992;
  let n: u64 = 0, words = 0, e = 0, dot = 0, more = false;
  for (let p = at; p < end; p++) {
    const c = load<u8>(p), room = words < 90;
    if (c == 0x2e) dot = 1;
    else if (c > 0x39) e += exponent(p + 1, end);
    else {
      if (!big) n = min(n, most) * 10 + (c - 0x30);
      else if (room) words = multiply(big, words, 10, c - 0x30);
      more = more || !room && c > 0x30;
      e += <i32>!room - dot;
    }
    if (c > 0x39) break;
  }
  if (big) return words ? scaled(big, words, e, more) : 0;
  if (n <= most && e >= -22 && e <= 22) return e < 0 ? <f64>n / power(-e) : <f64>n * power(e);
  const x = size(at, end, scratch(2048));
  unscratch(2048);
  return x;
}

function power(e: i32): f64 {
  let p: f64 = 1;
  for (; e > 0; e--) p *= 10;
  return p;
}

function exponent(at: usize, end: usize): i32 {
  const c = load<u8>(at);
  let e = 0;
  for (at += c < 0x30 ? 1 : 0; at < end; at++) e = min(e * 10 + load<u8>(at) - 0x30, 9999);
  return c == 0x2d ? -e : e;
}

// The double nearest to the n words of `big`, and a little more, times 10^e.
function scaled(big: usize, n: i32, e: i32, more: bool): f64 {
  if (e > 310) return Infinity;
  if (e < -1300) return 0;
  for (; e > 0; e--) n = multiply(big, n, 10, 0);
  const shift = (-e * 3402 >> 10) + 95 >> 5; // words; leaves 64 bits at least to what is divided
  memory.copy(big + 4 * shift, big, 4 * n);
  memory.fill(big, 0, 4 * shift);
  for (n += shift; e < 0; e += 9) more = divide(big, n, <u32>power(min(-e, 9))) || more;
  while (!load<u32>(big + 4 * n - 4)) n--;
  const top = big + 4 * n - 12, z = clz(load<u32>(top + 8)), low = <u64>load<u32>(top) << z;
  for (let p = big; p < top; p += 4) more = more || load<u32>(p) != 0;
  // m * 2^x, where m has 64 bits, of which the last also stands for all behind it.
  const m = load<u64>(top + 4) << z | low >>> 32 | <u64>(more || <u32>low != 0);
  const x = 32 * (n - 2 - shift) - z;
  const lost = -1074 - x; // A number below 2^-1022 has fewer bits.
  if (lost > 65) return 0;
  if (lost <= 11) return x > 960 ? Infinity : reinterpret<f64>(reinterpret<u64>(<f64>m) + (<u64>x << 52));
  const cut = m >>> lost - 2 | <u64>(m << 66 - lost != 0); // The last two bits say how to round.
  return reinterpret<f64>((cut >>> 2) + ((cut & 3) + (cut >>> 2 & 1) > 2 ? 1 : 0));
}

// Multiplies the n words of `big` and adds; returns how many there are then.
function multiply(big: usize, n: i32, by: u32, add: u32): i32 {
  let carry = <u64>add;
  for (let k = 0; k < n; k++, carry >>>= 32) {
    carry += <u64>load<u32>(big + 4 * k) * by;
    store<u32>(big + 4 * k, <u32>carry);
  }
  store<u32>(big + 4 * n, <u32>carry);
  return n + <i32>(carry > 0);
}

// Divides the n words of `big`; says whether something is left over.
function divide(big: usize, n: i32, by: u32): bool {
  let left: u64 = 0;
  for (let k = n - 1; k >= 0; k--, left %= by) {
    left = left << 32 | load<u32>(big + 4 * k);
    store<u32>(big + 4 * k, <u32>(left / by));
  }
  return left != 0;
}
