//! The instance's memory behind the program's own: the input, the output, free room, and scratch,
//! which grows down to meet the output. Every call uses it again. Behind scratch is a little room
//! to spare, because bytes are read in sixteens.
const std = @import("std");
const scan = @import("scan.zig");

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

/// Gives back the bytes that scratch gave out last.
pub fn release(bytes: []u8) void {
    out.end += bytes.len;
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

    /// Appends a text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
    pub fn appendText(o: *Out, text: []const u8) void {
        o.append("\"");
        o.appendEscaped(text);
        o.append("\"");
    }

    /// Appends a text as it stands between the quotes of a JSON string.
    pub fn appendEscaped(o: *Out, text: []const u8) void {
        var from: usize = 0;
        var k: usize = 0;
        while (true) {
            k = scan.plainEnd(text, k, true);
            if (k >= text.len) break;
            const n = std.unicode.utf8ByteSequenceLength(text[k]) catch 0;
            if (n > 1 and k + n <= text.len and std.unicode.utf8ValidateSlice(text[k..][0..n])) {
                k += n;
                continue;
            }
            o.append(text[from..k]);
            o.appendEscape(text[k]);
            k += 1;
            from = k;
        }
        o.append(text[from..]);
    }

    fn appendEscape(o: *Out, c: u8) void {
        const digits = "0123456789abcdef";
        switch (c) {
            '\n' => o.append("\\n"),
            '"', '\\' => o.append(&.{ '\\', c }),
            0x20...0x21, 0x23...0x5b, 0x5d...0xff => o.append("\u{fffd}"),
            else => o.append(&.{ '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] }),
        }
    }

    /// Appends the shortest number that reads back as x, without a dot if it is whole. JSON has
    /// only finite ones: others are null.
    pub fn appendNumber(o: *Out, x: f64) void {
        if (@abs(x) < 0x1p53 and x == @trunc(x) and (x != 0 or std.math.isPositiveZero(x))) return o.appendWhole(@intFromFloat(x));
        if (!std.math.isFinite(x)) return o.append("null");
        var buffer: [std.fmt.float.min_buffer_size]u8 = undefined;
        const plain = @abs(x) >= 1e-7 and @abs(x) < 1e21;
        o.append(std.fmt.float.render(&buffer, x, .{ .mode = if (plain) .decimal else .scientific }) catch unreachable);
    }

    /// Appends a whole number.
    pub fn appendWhole(o: *Out, n: i64) void {
        var buffer: [20]u8 = undefined;
        var k: usize = buffer.len;
        var rest = @abs(n);
        while (rest > 0 or k == buffer.len) : (rest /= 10) {
            k -= 1;
            buffer[k] = '0' + @as(u8, @intCast(rest % 10));
        }
        if (n < 0) o.append("-");
        o.append(buffer[k..]);
    }

    /// Appends one entry of a flat answer, the best first. A higher score is better, not NaN.
    pub fn appendRank(o: *Out, rank: Rank) void {
        o.append(std.mem.asBytes(&rank));
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

// Where the payload begins in the output.
var payload: usize = 0;

/// An entry of a flat answer; flag 1 says that the target must not be tried at all.
pub const Rank = extern struct { index: u32, flags: u32 = 0, score: f64 };
