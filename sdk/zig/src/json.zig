//! Reading JSON where it stands, without a tree. A value is a span of the input that begins with
//! it and reaches to the end of the object or array around it: to look for its own end is a pass
//! over it, which often nobody needs. raw() finds it. Everything but valid() expects valid JSON,
//! and gives nonsense if it is not, but goes on to no other part of memory.
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

// Behind the number or literal at `at`: the first byte that is space, a comma or a closing bracket.
inline fn wordEnd(text: []const u8, from: usize) usize {
    var at = from;
    while (at < text.len) : (at += 16) {
        const x = bytesAt(text, at);
        const marks = bits((x <= splat(0x20)) | (x == splat(',')) | (x | splat(0x20) == splat('}')));
        if (marks != 0) return @min(at + @ctz(marks), text.len);
    }
    return text.len;
}

// Behind the digits at `at`.
inline fn digitsEnd(text: []const u8, from: usize) usize {
    var at = from;
    while (at < text.len) : (at += 16) {
        const marks = bits(bytesAt(text, at) -% splat('0') > splat(9));
        if (marks != 0) return @min(at + @ctz(marks), text.len);
    }
    return text.len;
}

// The byte at `at`, 0 at the end.
inline fn peek(text: []const u8, at: usize) u8 {
    return if (at < text.len) text[at] else 0;
}

inline fn space(text: []const u8, from: usize) usize {
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

fn escapedEnd(text: []const u8, from: usize) usize {
    var at = from;
    while (peek(text, at) == '\\') : (at = plainEnd(text, at, false)) {
        if (unescaped(peek(text, at + 1)) != 0) at += 2 else if (hex(text, at) != null) at += 6 else return 0;
    }
    return if (peek(text, at) == '"') at + 1 else 0;
}

// The character that a backslash and c stand for, 0 for none.
fn unescaped(c: u8) u8 {
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
fn hex(text: []const u8, at: usize) ?u21 {
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

/// Ends what is remembered of the input of the call before.
pub fn forget() void {
    closed = null;
}

fn containerEnd(text: []const u8, at: usize) usize {
    if (closed == text.ptr + at) return at + closed_size;
    const end = checkedEnd(text, at);
    return if (end == 0) text.len else end;
}

// Behind the value that begins at `at`.
inline fn valueEnd(text: []const u8, at: usize) usize {
    const c = peek(text, at);
    if (c | 0x20 == '{') return containerEnd(text, at);
    if (c != '"') return wordEnd(text, at);
    const end = stringEnd(text, at);
    return if (end == 0) text.len else end;
}

pub const Kind = enum { none, null, false, true, number, text, list, object };

/// A value; of kind none when there is none.
pub const Json = struct {
    text: []const u8,

    /// The value at the beginning of a text.
    pub fn from(text: []const u8) Json {
        return .{ .text = text[space(text, 0)..] };
    }

    /// Says whether the text holds one JSON value and nothing else. Nesting costs a bit a level.
    pub fn valid(v: Json) bool {
        const end = checkedEnd(v.text, 0);
        return end != 0 and space(v.text, end) == v.text.len;
    }

    pub fn kind(v: Json) Kind {
        return switch (peek(v.text, 0)) {
            'n' => .null,
            'f' => .false,
            't' => .true,
            '-', '0'...'9' => .number,
            '"' => .text,
            '[' => .list,
            '{' => .object,
            else => .none,
        };
    }

    /// The elements of an array; none of another value.
    pub fn items(v: Json) Items {
        return .{ .text = if (v.kind() == .list) v.text else "" };
    }

    /// The members of an object; none of another value.
    pub fn members(v: Json) Members {
        return .{ .in = .{ .text = if (v.kind() == .object) v.text else "" } };
    }

    /// The value of the first member of this name.
    pub fn member(v: Json, name: []const u8) Json {
        var all = v.members();
        while (all.next()) |m| if (std.mem.eql(u8, m.name(), name)) return m.value;
        return .{ .text = "" };
    }

    /// The bytes of the value as they stand in the input.
    pub fn raw(v: Json) []const u8 {
        return v.text[0..valueEnd(v.text, 0)];
    }

    /// The characters of a string in UTF-8, where they stand or decoded into scratch.
    pub fn string(v: Json) ?[]const u8 {
        if (v.kind() != .text) return null;
        const inside = v.text[1 .. valueEnd(v.text, 0) - 1];
        return if (plainEnd(inside, 0, false) == inside.len) inside else decoded(inside);
    }

    /// Says whether this is a string with these characters.
    pub fn is(v: Json, text: []const u8) bool {
        return std.mem.eql(u8, v.string() orelse return false, text);
    }

    /// The double nearest to a number.
    pub fn number(v: Json) ?f64 {
        if (v.kind() != .number) return null;
        const text = v.raw();
        if (text.len < 16 and digitsEnd(text, 0) == text.len) return @floatFromInt(v.whole().?);
        return std.fmt.parseFloat(f64, text) catch null;
    }

    /// A whole number, if 64 bits hold it.
    pub fn whole(v: Json) ?i64 {
        if (v.kind() != .number) return null;
        return std.fmt.parseInt(i64, v.raw(), 10) catch {
            const x = std.fmt.parseFloat(f64, v.raw()) catch return null; // as in 1.0 and 1e3
            return if (x == @trunc(x) and @abs(x) < 0x1p63) @intFromFloat(x) else null;
        };
    }
};

pub const Items = struct {
    text: []const u8,
    at: usize = 0, // where the element begins that was given out last

    pub fn next(i: *Items) ?Json {
        return if (i.advance(if (i.at == 0) 0 else space(i.text, valueEnd(i.text, i.at)))) .{ .text = i.text[i.at..] } else null;
    }

    // Goes on to what follows the bracket or comma at `at`; false at the end, which is remembered.
    inline fn advance(i: *Items, at: usize) bool {
        const c = peek(i.text, at);
        i.at = if (c == ',' or at == 0) space(i.text, at + 1) else at;
        if (i.at < i.text.len and i.text[i.at] | 0x20 != '}') return true;
        closed = i.text.ptr;
        closed_size = @min(i.at + 1, i.text.len);
        return false;
    }
};

pub const Member = struct {
    spelling: []const u8, // of the name, between its quotes
    escaped: bool,
    value: Json,

    pub fn name(m: Member) []const u8 {
        return if (m.escaped) decoded(m.spelling) else m.spelling;
    }

    /// Says whether the member has this name.
    pub inline fn is(m: Member, comptime text: []const u8) bool {
        return std.mem.eql(u8, m.spelling, text) or m.escaped and std.mem.eql(u8, m.name(), text);
    }
};

pub const Members = struct {
    in: Items,

    pub fn next(m: *Members) ?Member {
        const text = m.in.text;
        if (!m.in.advance(if (m.in.at == 0) 0 else space(text, valueEnd(text, m.in.at)))) return null;
        const name = m.in.at + 1;
        const plain = plainEnd(text, name, false);
        const escaped = peek(text, plain) == '\\';
        const end = if (escaped) @max(escapedEnd(text, plain), plain + 1) - 1 else plain;
        m.in.at = space(text, @min(space(text, @min(end + 1, text.len)) + 1, text.len));
        return .{ .spelling = text[name..end], .escaped = escaped, .value = .{ .text = text[m.in.at..] } };
    }
};

// Decodes a string's inside into scratch. Half of a surrogate pair becomes U+FFFD.
fn decoded(text: []const u8) []const u8 {
    const to = memory.scratch(u8, text.len);
    var at: usize = 0;
    var n: usize = 0;
    while (at < text.len) {
        if (hex(text, at)) |unit| {
            var c = unit;
            at += 6;
            if (unit >> 10 == 0x36) if (hex(text, at)) |low| if (low >> 10 == 0x37) {
                c = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
                at += 6;
            };
            n += std.unicode.utf8Encode(c, to[n..]) catch std.unicode.utf8Encode(0xfffd, to[n..]) catch unreachable;
        } else {
            const escape = text[at] == '\\';
            to[n] = if (escape) unescaped(text[at + 1]) else text[at];
            n += 1;
            at += if (escape) 2 else 1;
        }
    }
    return to[0..n];
}
