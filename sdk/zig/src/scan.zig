//! Passing over JSON: where strings, numbers and whole values end. Ends beyond the text never come
//! out; bytes are read in sixteens, also some behind the text.
const std = @import("std");
const memory = @import("memory.zig");

const Bytes = @Vector(16, u8);

inline fn bytesAt(text: []const u8, at: usize) Bytes {
    return @as(*align(1) const Bytes, @ptrCast(text.ptr + at)).*;
}

inline fn bits(marks: @Vector(16, bool)) u16 {
    return @bitCast(marks);
}

fn splat(comptime c: u8) Bytes {
    return @splat(c);
}

/// The first byte from `at` on that is a quote, a backslash, a control character or, if asked for,
/// not ASCII; the text's length without any.
pub inline fn plainEnd(text: []const u8, from: usize, comptime ascii: bool) usize {
    var at = from;
    while (at < text.len) : (at += 16) {
        const x = bytesAt(text, at);
        const special = (x < splat(0x20)) | (x == splat('"')) | (x == splat('\\'));
        const marks = bits(if (ascii) special | (x >= splat(0x80)) else special);
        if (marks != 0) return @min(at + @ctz(marks), text.len);
    }
    return text.len;
}

// Behind the digits at `at`.
pub inline fn digitsEnd(text: []const u8, from: usize) usize {
    var at = from;
    while (at < text.len) : (at += 16) {
        const marks = bits(bytesAt(text, at) -% splat('0') > splat(9));
        if (marks != 0) return @min(at + @ctz(marks), text.len);
    }
    return text.len;
}

// The byte at `at`, 0 at the end.
pub inline fn peek(text: []const u8, at: usize) u8 {
    return if (at < text.len) text[at] else 0;
}

pub inline fn space(text: []const u8, from: usize) usize {
    return if (peek(text, from) > 0x20) from else spaces(text, from);
}

fn spaces(text: []const u8, from: usize) usize {
    return std.mem.indexOfNonePos(u8, text, from, " \t\r\n") orelse text.len;
}

// Behind the string that begins at `at`, or 0 if it is malformed or does not end.
inline fn stringEnd(text: []const u8, at: usize) usize {
    const end = plainEnd(text, at + 1, false);
    return if (peek(text, end) == '"') end + 1 else escapedEnd(text, end);
}

pub fn escapedEnd(text: []const u8, from: usize) usize {
    var at = from;
    while (peek(text, at) == '\\') : (at = plainEnd(text, at, false)) {
        if (unescaped(peek(text, at + 1)) != 0) at += 2 else if (hex(text, at) != null) at += 6 else return 0;
    }
    return if (peek(text, at) == '"') at + 1 else 0;
}

// The character that a backslash and c stand for, 0 for none.
pub fn unescaped(c: u8) u8 {
    return switch (c) {
        '"', '\\', '/' => c,
        'b' => 8,
        'f' => 12,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        else => 0,
    };
}

// The number that \u and four digits at `at` spell.
pub fn hex(text: []const u8, at: usize) ?u21 {
    if (at + 6 > text.len or text[at] != '\\' or text[at + 1] != 'u') return null;
    var v: u21 = 0;
    for (text[at + 2 ..][0..4]) |c| v = v << 4 | (std.fmt.charToDigit(c, 16) catch return null);
    return v;
}

// Behind the number that begins at `at`, or 0.
inline fn numberEnd(text: []const u8, from: usize) usize {
    const at = if (text[from] == '-') from + 1 else from;
    const end = digitsEnd(text, at);
    if (end <= at or end > at + 1 and text[at] == '0') return 0;
    return switch (peek(text, end)) {
        '.', 'e', 'E' => fractionEnd(text, end),
        else => end,
    };
}

fn fractionEnd(text: []const u8, from: usize) usize {
    var at = from;
    if (text[at] == '.') {
        at = digitsEnd(text, from + 1);
        if (at == from + 1) return 0;
    }
    if (peek(text, at) | 0x20 != 'e') return at;
    at += if (peek(text, at + 1) == '+' or peek(text, at + 1) == '-') 2 else 1;
    const end = digitsEnd(text, at);
    return if (end > at) end else 0;
}

// Behind the string, number or literal that begins at `at`, or 0 if it is malformed.
inline fn scalarEnd(text: []const u8, at: usize) usize {
    switch (peek(text, at)) {
        '"' => return stringEnd(text, at),
        '-', '0'...'9' => return numberEnd(text, at),
        else => {},
    }
    inline for (.{ "true", "false", "null" }) |word| {
        if (std.mem.startsWith(u8, text[@min(at, text.len)..], word)) return at + word.len;
    }
    return 0;
}

// Behind the value that begins at `at`, or 0 if it is malformed. The stack, a bit for every level
// of nesting, says what is an object.
fn checkedEnd(text: []const u8, from: usize) usize {
    const stack = memory.scratch(u8, text.len / 8 + 1);
    defer memory.release(stack);
    var at = from;
    var depth: usize = 0;
    var object = false;
    while (true) { // once for every value or member
        if (object) {
            at = if (peek(text, at) == '"') space(text, stringEnd(text, at)) else 0;
            if (at == 0 or peek(text, at) != ':') return 0;
            at = space(text, at + 1);
        }
        const c = peek(text, at);
        if (c | 0x20 == '{') {
            const bit = @as(u8, 1) << @intCast(depth % 8);
            if (object) stack[depth / 8] |= bit else stack[depth / 8] &= ~bit;
            depth += 1;
            object = c == '{';
            at = space(text, at + 1);
            if (peek(text, at) != c + 2) continue;
        } else {
            at = scalarEnd(text, at);
            if (at == 0) return 0;
        }
        while (depth > 0) : (at += 1) { // once for every end of an object or array that follows
            at = space(text, at);
            if (peek(text, at) == ',') break;
            if (peek(text, at) != @as(u8, if (object) '}' else ']')) return 0;
            depth -= 1;
            object = stack[depth / 8] >> @intCast(depth % 8) & 1 != 0;
        }
        if (depth == 0) return at;
        at = space(text, at + 1);
    }
}

// The end of the object or array that was read to its end last: who reads on behind it need not
// look for it again.
var closed: ?[*]const u8 = null;
var closed_size: usize = 0;

/// Remembers how long the object or array is that a text begins with.
pub fn remember(text: []const u8, size: usize) void {
    closed = text.ptr;
    closed_size = size;
}

/// Ends what is remembered of the input of the call before.
pub fn forget() void {
    closed = null;
}

fn containerEnd(text: []const u8, at: usize) usize {
    return if (closed == text.ptr + at) at + closed_size else checkedEnd(text, at);
}

/// Behind the value that begins at `at`, or 0 if it is malformed.
pub inline fn valueEnd(text: []const u8, at: usize) usize {
    return if (peek(text, at) | 0x20 == '{') containerEnd(text, at) else scalarEnd(text, at);
}
