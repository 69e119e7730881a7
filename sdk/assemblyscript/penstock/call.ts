// The two buffers of an instance, and the call of a hook. AssemblyScript's minimal runtime
// frees nothing by itself, so nothing here is a managed object: texts are spans of memory.
import { forget } from "./json";

@external("penstock", "error") declare function host_error(code: i32, ptr: usize, len: usize): void;

/** A piece of memory, packed as hooks return it: address << 32 | length. 0 is none, which differs from empty. */
export type Span = u64;

// @ts-ignore: decorator
@inline export function span(ptr: usize, len: usize): Span { return <u64>ptr << 32 | <u64>len; }
// @ts-ignore: decorator
@inline export function start(s: Span): usize { return <usize>(s >>> 32); }
// @ts-ignore: decorator
@inline export function length(s: Span): usize { return <usize>(s & 0xffffffff); }

/** The most input a call may bring, in bytes: three times as much fits into an instance's 16 MiB. */
export const MAX_INPUT: usize = 5 << 20;

// From base on the memory is the SDK's: the input, the output from `output` to `at`, free room,
// then scratch from `end` to 8 bytes before `limit`, because bytes are read in eights. Every call
// uses it again.
let base: usize = 0, output: usize = 0, at: usize = 0, end: usize = 0, limit: usize = 0, rejected = false;

export function penstock_abi_version(): i32 { return 1 << 16 | 1; }

/** Room for the input of a call, and with it for as much output and scratch; 0 when there is no such room. */
export function penstock_alloc(size: usize): usize {
  if (size > MAX_INPUT) return 0;
  __collect(); // What the last call has allocated: nothing on the stack refers to it any more.
  const top = <usize>memory.size() << 16, want = size * 3 + 4096;
  if (base + want > limit) {
    if (top != limit) base = top; // Managed objects have taken the memory behind the limit.
    if (memory.grow(<i32>(base + want - top + 0xffff >>> 16)) < 0) return 0;
    limit = <usize>memory.size() << 16;
  }
  output = at = base + size + 15 & ~15;
  end = limit - 8;
  return base;
}

/** Runs a hook, which reads the input and appends its answer, and packs the result. */
export function call(hook: (input: Span) => void, ptr: usize, len: usize): u64 {
  rejected = false;
  at = output;
  forget();
  hook(span(ptr, len));
  return rejected || at == output ? 0 : appended();
}

/**
 * Rejects the call: 400 to 499 blames the request and is shown to the caller, 500 and up the
 * plugin. What the hook appends is dropped. The first rejection of a call counts.
 */
export function reject<T>(code: i32, message: T): void {
  const s = bytes(message);
  if (!rejected) host_error(code, start(s), length(s));
  rejected = true;
}

/** Keeps the input of penstock_init for as long as the instance lives. */
export function keep(input: Span): void { base = start(input) + length(input) + 15 & ~15; }

/** Where the next n bytes of output go, of which grown() says how many were written. The output may move. */
export function reserve(n: usize): usize {
  if (at + n <= end) return at;
  const size = at - output, top = <usize>memory.size() << 16, to = end + 8 == top ? output : top;
  if (memory.grow(<i32>(to + (size + n) * 5 / 4 + 8 - top + 0xffff >>> 16)) < 0) unreachable();
  memory.copy(to, output, size);
  if (top != limit) base = top;
  output = to;
  limit = <usize>memory.size() << 16;
  end = limit - 8;
  return at = to + size;
}
// @ts-ignore: decorator
@inline export function grown(n: usize): void { at += n; }

/** What the hook has appended so far. */
export function appended(): Span { return span(output, at - output); }

/** n bytes that the plugin may use until the call is over. */
export function scratch(n: usize): usize {
  reserve(n);
  return end -= n;
}

/** The bytes of a text: a Span as it is, a string as UTF-8 in scratch. */
export function bytes<T>(text: T): Span {
  if (!isString<T>()) return <Span>text;
  const s = changetype<string>(text), n = <usize>String.UTF8.byteLength(s), to = scratch(n);
  return span(to, String.UTF8.encodeUnsafe(changetype<usize>(s), s.length, to));
}

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
