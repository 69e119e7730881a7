//! The binary forms: the flat record of routing, read where it stands, and the frames of events.
const std = @import("std");

/// What remaining_requests and remaining_tokens hold when nobody knows.
pub const unlimited: u32 = std.math.maxInt(u32);

/// The flag of a target in an answer that must not be tried at all.
pub const drop: u32 = 1;

/// One candidate. Prices are in nano-USD per million tokens and mean nothing without the flag
/// priced; the context and cached_prefix are in tokens, first_token in milliseconds and speed in
/// tokens per second, both 0 when unknown; quality (NaN when unknown) and error_rate are between
/// 0 and 1; what remains is what is left this minute.
pub const Target = extern struct {
    pub const healthy = 1;
    pub const priced = 2;
    pub const fallback = 4;
    pub const context_known = 8;

    index: u32,
    flags: u32,
    price_in: i64,
    price_out: i64,
    price_cached: i64,
    context: u32,
    inflight: u32,
    quality: f64,
    first_token: f64,
    speed: f64,
    error_rate: f64,
    weight: f64,
    order: i32,
    remaining_requests: u32,
    remaining_tokens: u32,
    cached_prefix: u32,
};

/// What version 1.1 of the contract has added to a record: an upper bound of what the request
/// costs in nano-USD; the median and the 95th percentile of the time to the first token in
/// milliseconds, 0 when unknown; the number of recent attempts; what is left of the provider's
/// limits, between 0 and 1; and a hash of session and target, 0 without a session: ranking by it
/// keeps sessions at their targets. A cost or a share below 0 is unknown.
pub const Figures = extern struct { est_cost: i64 = -1, first_token_p50: f64 = 0, first_token_p95: f64 = 0, samples: f64 = 0, requests_left: f64 = -1, tokens_left: f64 = -1, sticky: u64 = 0 };

/// A request: est_input is an upper estimate of the prompt in tokens, max_output 0 when there is
/// no bound; len is the number of candidates.
pub const Route = extern struct {
    pub const stream = 1;
    pub const needs_tools = 2;
    pub const needs_vision = 4;

    version: u16,
    record_size: u16,
    len: u32,
    est_input: u32,
    max_output: u32,
    flags: u32,
    text_offset: u32,
    text_len: u32,
    request_offset: u32,

    fn bytes(r: *align(1) const Route) [*]const u8 {
        return @ptrCast(r);
    }

    /// The k-th candidate.
    pub fn target(r: *align(1) const Route, k: usize) *align(1) const Target {
        return @ptrCast(r.bytes() + @sizeOf(Route) + k * r.record_size);
    }

    /// More of the k-th candidate. A gateway of version 1.0 leaves all of it unknown.
    pub fn figures(r: *align(1) const Route, k: usize) *align(1) const Figures {
        if (r.record_size < @sizeOf(Target) + @sizeOf(Figures)) return &.{};
        return @ptrCast(@as([*]const u8, @ptrCast(r.target(k))) + @sizeOf(Target));
    }

    /// How many requests the k-th candidate takes at once; 0 means any number, or that the gateway does
    /// not say.
    pub fn maxInflight(r: *align(1) const Route, k: usize) u32 {
        return r.field(k, 0);
    }

    /// How many output tokens the k-th candidate's reply will probably have; 0 means unknown.
    pub fn expectedOutput(r: *align(1) const Route, k: usize) u32 {
        return r.field(k, 1);
    }

    // A number behind the k-th candidate's figures; 0 when the host sends none.
    fn field(r: *align(1) const Route, k: usize, n: usize) u32 {
        const at = @sizeOf(Target) + @sizeOf(Figures) + 4 * n;
        return if (r.record_size < at + 4) 0 else std.mem.readInt(u32, @as([*]const u8, @ptrCast(r.target(k)))[at..][0..4], .little);
    }

    /// What the consecutive requests of an agent share. Like the other texts, the manifest has to
    /// name it in its reads.
    pub fn session(r: *align(1) const Route) ?[]const u8 {
        return r.find(1, "");
    }

    /// The value of a tag.
    pub fn tag(r: *align(1) const Route, name: []const u8) ?[]const u8 {
        return r.find(3, name);
    }

    /// The text of the last message of the user that has any, at most 8 KiB. Grant: read:messages.
    pub fn lastUserText(r: *align(1) const Route) ?[]const u8 {
        return r.find(4, "");
    }

    /// The label that a classifier endpoint has given the request, at most 64 bytes.
    pub fn class(r: *align(1) const Route) ?[]const u8 {
        return r.find(5, "");
    }

    // The first text of a kind: 1 is the session, 2 the name of a tag, 3 its value, which comes
    // next, 4 the last user text, 5 the class.
    fn find(r: *align(1) const Route, kind: u32, name: []const u8) ?[]const u8 {
        if (r.request_offset == 0) return null;
        const at = r.bytes() + r.request_offset;
        var rest = at[4..][0..std.mem.readInt(u32, at[0..4], .little)];
        var named = kind != 3;
        while (rest.len >= 4) {
            const own = std.mem.readInt(u32, rest[0..4], .little);
            const entry = splitFrame(rest[4..]) orelse return null;
            if (own == 2 and kind == 3) named = std.mem.eql(u8, entry.state, name);
            if (own == kind and named) return entry.state;
            rest = @constCast(entry.payload);
        }
        return null;
    }

    /// The route's setting of this name, or the seed.
    pub fn setting(r: *align(1) const Route, name: []const u8) ?[]const u8 {
        var lines = std.mem.splitScalar(u8, r.bytes()[r.text_offset..][0..r.text_len], '\n');
        _ = lines.next(); // the strategy
        while (lines.next()) |line| {
            const own = line.len > name.len and line[name.len] == '=' and std.mem.startsWith(u8, line, name);
            if (own) return line[name.len + 1 ..];
        }
        return null;
    }
};

/// The input of penstock_route_flat, null if its header does not fit.
pub fn readRoute(input: []const u8) ?*align(1) const Route {
    if (input.len < @sizeOf(Route)) return null;
    const r: *align(1) const Route = @ptrCast(input.ptr);
    if (r.version != 1 or r.record_size < @sizeOf(Target) or r.record_size % 8 != 0) return null;
    if (r.request_offset > input.len or (r.request_offset > 0 and splitFrame(input[r.request_offset..]) == null)) return null;
    const end = @sizeOf(Route) + @as(u64, r.len) * r.record_size;
    return if (end > input.len or @as(u64, r.text_offset) + r.text_len > input.len) null else r;
}

/// The most state that the host carries from event to event, in bytes.
pub const max_state = 64 << 10;

/// Takes an event hook's input apart, null if it is cut short.
pub fn splitFrame(input: []const u8) ?struct { state: []const u8, payload: []const u8 } {
    if (input.len < 4) return null;
    const n = std.mem.readInt(u32, input[0..4], .little);
    return if (n > input.len - 4) null else .{ .state = input[4..][0..n], .payload = input[4 + n ..] };
}

/// Takes a payload apart into the event's name and its data.
pub fn splitEvent(payload: []const u8) struct { name: []const u8, data: []const u8 } {
    const n = std.mem.indexOfScalar(u8, payload, '\n') orelse payload.len;
    return .{ .name = payload[0..n], .data = payload[@min(n + 1, payload.len)..] };
}
