// What the host offers. Only the imports that a plugin uses come to stand in its module. A text
// is a Span or a string.
import { bytes, length, scratch, span, Span, start } from "./call";

@external("penstock", "log") declare function host_log(level: i32, ptr: usize, len: usize): void;
@external("penstock", "now_ms") declare function host_now_ms(): i64;
@external("penstock", "random_u64") declare function host_random_u64(): u64;
@external("penstock", "metric_add") declare function host_metric_add(ptr: usize, len: usize, value: f64): void;
@external("penstock", "kv_get") declare function host_kv_get(ptr: usize, len: usize, out: usize, cap: usize): i32;
@external("penstock", "kv_set") declare function host_kv_set(ptr: usize, len: usize, v: usize, size: usize, ttl: i32): i32;

export enum Level { Debug, Info, Warn, Fault }

/** Writes a line to the host's log, 1 KiB at most. */
export function log<T>(level: Level, text: T): void {
  const s = bytes(text);
  host_log(level, start(s), length(s));
}

/** Unix time in milliseconds, the same during one call. Needs the grant clock. */
export function nowMs(): i64 { return host_now_ms(); }

/** The next number of a sequence that is the same for the same request. Needs the grant random. */
export function randomU64(): u64 { return host_random_u64(); }

/** Adds a finite value that is not negative to a counter. Needs the grant metrics. */
export function metricAdd<T>(name: T, value: f64): void {
  const s = bytes(name);
  host_metric_add(start(s), length(s), value);
}

/** The value that is kept under a key, 0 when there is none. Needs the grant kv. */
export function kvGet<T>(key: T): Span {
  const k = bytes(key), n = host_kv_get(start(k), length(k), 0, 0), to = scratch(max(n, 0));
  return n < 0 || host_kv_get(start(k), length(k), to, n) != n ? 0 : span(to, n);
}

/** Keeps a value for ttlS seconds, 0 removes it; false when the host refuses. Needs the grant kv. */
export function kvSet<K, V>(key: K, value: V, ttlS: i32): bool {
  const k = bytes(key), v = bytes(value);
  return host_kv_set(start(k), length(k), start(v), length(v), ttlS) == 1;
}
