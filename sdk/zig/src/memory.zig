//! The instance's memory behind the program's own: the input, the output, free room, and scratch,
//! which grows down to meet the output. Every call uses it again. Behind scratch is a little room
//! to spare, because bytes are read in sixteens.
const std = @import("std");
const json = @import("json.zig");

/// The terms of a score. Costs, lost cache and gain are in US dollars, the latency is in milliseconds, the
/// others are shares. A part is what a term adds to the score; lost_cache is what a session would lose if
/// it left the target, gain what it would gain at the best other one.
pub const Term = enum(u32) { cost = 1, quality, latency, error_rate, load, cost_part, quality_part, latency_part, errors_part, lost_cache, gain };

const spare = 16;
const page = 1 << 16;
var base: usize = 0;
var limit: usize = 0;

/// The output of a call.
pub var out: Out = .{};

fn at(address: usize) [*]u8 {
    return @ptrFromInt(address);
}

// Makes memory reach an address; false when there is no more.
fn reach(address: usize) bool {
    const top = @wasmMemorySize(0) * page;
    if (address > top and @wasmMemoryGrow(0, (address - top + page - 1) / page) < 0) return false;
    limit = @wasmMemorySize(0) * page;
    return true;
}

/// Begins a call with so much input; returns where it goes, or 0.
pub fn begin(size: usize) usize {
    const want = 3 * size + 4096;
    if (base + want > limit) {
        const top = @wasmMemorySize(0) * page;
        if (top != limit) base = top; // Another allocator has taken the memory behind the limit.
        if (!reach(base + want)) return 0;
    }
    out.start = (base + size + 15) & ~@as(usize, 15);
    out.len = 0;
    out.end = limit - spare;
    return base;
}

/// Keeps the input of penstock_init for as long as the instance lives.
pub fn keep(input: []const u8) void {
    base = (@intFromPtr(input.ptr) + input.len + 15) & ~@as(usize, 15);
}

/// Room for n values that the plugin may use until the call is over.
pub fn scratch(comptime T: type, n: usize) []T {
    const size = n * @sizeOf(T) + @alignOf(T) - 1;
    out.reserve(size);
    out.end -= size;
    const to: [*]T = @ptrFromInt(std.mem.alignForward(usize, out.end, @alignOf(T)));
    return to[0..n];
}

pub const Out = struct {
    start: usize = 0,
    len: usize = 0,
    end: usize = 0,

    inline fn reserve(o: *Out, n: usize) void {
        if (o.start + o.len + n > o.end) o.extend(n);
    }

    // Makes room for n more bytes; the output moves if it can't be extended where it is.
    noinline fn extend(o: *Out, n: usize) void {
        const top = @wasmMemorySize(0) * page;
        const to = if (o.end + spare == top) o.start else top;
        if (top != limit) base = top;
        if (!reach(to + (o.len + n) / 4 * 5 + spare + 64)) @trap();
        if (to != o.start) @memcpy(at(to), at(o.start)[0..o.len]);
        o.start = to;
        o.end = limit - spare;
    }

    /// What has been appended so far.
    pub fn written(o: *Out) []u8 {
        return at(o.start)[0..o.len];
    }

    /// Appends n bytes, which the caller writes before it appends more.
    pub fn add(o: *Out, n: usize) []u8 {
        o.reserve(n);
        o.len += n;
        return at(o.start + o.len - n)[0..n];
    }

    /// Appends bytes as they are.
    pub fn append(o: *Out, bytes: []const u8) void {
        @memcpy(o.add(bytes.len), bytes);
    }

    pub const appendText = json.appendText;
    pub const appendInside = json.appendInside;
    pub const appendNumber = json.appendNumber;
    pub const appendWhole = json.appendWhole;

    /// Appends a target to a flat answer, the best first. A higher score is better, not NaN.
    pub fn appendRank(o: *Out, index: u32, flags: u32, score: f64) void {
        o.append(std.mem.asBytes(&Rank{ .index = index, .flags = flags, .score = score }));
    }

    /// Appends one term of a target's score to a flat answer, for explanations. It does not rank the target. The
    /// value must be finite.
    pub fn appendTerm(o: *Out, index: u32, term: Term, value: f64) void {
        o.appendRank(index, 2 | @backingInt(term) << 8, value);
    }

    /// Puts a target in its place in an answer of such: higher scores come first, equal ones by index.
    pub fn insertRank(o: *Out, index: u32, flags: u32, score: f64) void {
        o.appendRank(index, flags, score);
        const ranks = std.mem.bytesAsSlice(Rank, o.written());
        var k = ranks.len - 1;
        const last = ranks[k];
        while (k > 0 and (ranks[k - 1].score < score or ranks[k - 1].score == score and ranks[k - 1].index > index)) : (k -= 1) {
            ranks[k] = ranks[k - 1];
        }
        ranks[k] = last;
    }

    /// Turns a flat answer, whose scores must be finite, into the JSON one, with the reason why in one
    /// line. One without targets stays empty: no opinion.
    pub fn rankingJson(o: *Out, reason: []const u8) void {
        if (o.len == 0) return;
        const ranks = scratch(Rank, o.len / @sizeOf(Rank));
        @memcpy(std.mem.sliceAsBytes(ranks), o.written());
        o.len = 0;
        o.append("{\"ranking\":[");
        o.appendRanks(ranks, 0);
        o.append("],\"drop\":[");
        o.appendRanks(ranks, 1);
        o.append("],\"reason\":");
        o.appendText(reason);
        o.append("}");
    }

    // Appends the items of a list of those targets that are dropped, or of the others.
    fn appendRanks(o: *Out, ranks: []const Rank, dropped: u32) void {
        var before: []const u8 = "";
        for (ranks) |r| {
            if (r.flags & 2 != 0 or r.flags & 1 != dropped) continue; // a term, or of the other list
            o.append(before);
            before = ",";
            if (dropped == 0) o.append("{\"i\":");
            o.appendWhole(r.index);
            if (dropped != 0) continue;
            o.append(",\"score\":");
            o.appendNumber(r.score);
            o.append("}");
        }
    }

    /// Begins an event hook's output with the state to carry to the next call. The payload follows.
    pub fn appendState(o: *Out, state: []const u8) void {
        o.append(std.mem.asBytes(&state.len));
        o.append(state);
        payload = o.len;
    }

    /// Begins a line of the payload with these bytes; more may be appended to it.
    pub fn appendLine(o: *Out, line: []const u8) void {
        if (o.len > payload) o.append("\n");
        o.append(line);
    }
};

// An entry of a flat answer.
const Rank = extern struct { index: u32, flags: u32, score: f64 };

// Where the payload begins in the output.
var payload: usize = 0;
