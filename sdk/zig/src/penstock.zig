//! The guest side of Penstock's plugin contract: the two buffers, the call of a hook, and what
//! the host offers. A plugin exports its hooks:
//!
//!     export fn penstock_route(ptr: [*]u8, len: usize) u64 {
//!         return penstock.call(route, ptr, len);
//!     }
const memory = @import("memory.zig");
const json = @import("json.zig");
const flat = @import("flat.zig");

pub const Out = memory.Out;
pub const Json = json.Json;
pub const Route = flat.Route;
pub const Target = flat.Target;
pub const Term = memory.Term;
pub const drop = flat.drop;
pub const unlimited = flat.unlimited;
pub const max_state = flat.max_state;
pub const readRoute = flat.readRoute;
pub const splitFrame = flat.splitFrame;
pub const splitEvent = flat.splitEvent;

const host = struct {
    extern "penstock" fn @"error"(code: i32, ptr: [*]const u8, len: usize) void;
    extern "penstock" fn log(level: i32, ptr: [*]const u8, len: usize) void;
    extern "penstock" fn now_ms() i64;
    extern "penstock" fn random_u64() u64;
    extern "penstock" fn metric_add(ptr: [*]const u8, len: usize, value: f64) void;
    extern "penstock" fn kv_get(ptr: [*]const u8, len: usize, out: [*]u8, cap: usize) i32;
    extern "penstock" fn kv_set(ptr: [*]const u8, len: usize, value: [*]const u8, size: usize, ttl: i32) i32;
};

/// What a hook returns when it has rejected the call.
pub const Error = error{Rejected};

/// Rejects the call; the hook returns the error. A code from 400 to 499 blames the request and is
/// shown to the caller, from 500 up the plugin.
pub fn reject(code: i32, message: []const u8) Error {
    host.@"error"(code, message.ptr, message.len);
    return error.Rejected;
}

pub const Level = enum(i32) { debug, info, warn, fault };

/// Writes a line to the host's log, 1 KiB at most.
pub fn log(level: Level, text: []const u8) void {
    host.log(@backingInt(level), text.ptr, text.len);
}

/// Unix time in milliseconds, the same during one call. Needs the grant clock.
pub const nowMs = host.now_ms;

/// The next number of a sequence that is the same for the same request. Needs the grant random.
pub const randomU64 = host.random_u64;

/// Adds a finite value that is not negative to a counter. Needs the grant metrics.
pub fn metricAdd(name: []const u8, value: f64) void {
    host.metric_add(name.ptr, name.len, value);
}

/// The value that is kept under a key, in scratch, or null. Needs the grant kv.
pub fn kvGet(key: []const u8) ?[]u8 {
    const n = host.kv_get(key.ptr, key.len, @constCast(key.ptr), 0);
    const to = scratch(u8, @intCast(@max(n, 0)));
    return if (n >= 0 and host.kv_get(key.ptr, key.len, to.ptr, to.len) == n) to else null;
}

/// Keeps a value for so many seconds, 0 removes it; false when the host refuses. Needs the grant kv.
pub fn kvSet(key: []const u8, value: []const u8, ttl_s: i32) bool {
    return host.kv_set(key.ptr, key.len, value.ptr, value.len, ttl_s) == 1;
}

export fn penstock_abi_version() i32 {
    return 1 << 16 | 1;
}

/// The most input a call may bring, in bytes: three times as much fits into an instance's 16 MiB.
pub const max_input = 5 << 20;

/// Room for the input of a call, and with it for as much output and scratch; 0 when there is none.
export fn penstock_alloc(size: usize) usize {
    return if (size > max_input) 0 else memory.begin(size);
}

/// Runs a hook, which reads the input and appends its answer, and packs the result.
pub fn call(comptime hook: fn ([]const u8, *Out) Error!void, ptr: [*]u8, len: usize) u64 {
    const out = &memory.out;
    out.len = 0;
    json.closed = "";
    hook(ptr[0..len], out) catch return 0;
    return if (out.len == 0) 0 else @as(u64, out.start) << 32 | out.len;
}

/// Room for n values of a type that the plugin may use until the call is over.
pub const scratch = memory.scratch;

/// Keeps the input of penstock_init for as long as the instance lives.
pub const keep = memory.keep;
