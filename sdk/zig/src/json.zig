//! JSON, read where it stands, without a tree, and written. Nothing is checked, since the host
//! vouches for what it sends: text that is not JSON is answered with something or other.
const std = @import("std");
const memory = @import("memory.zig");
const Out = memory.Out;

pub const Kind = enum { none, null, false, true, number, text, list, object };

/// A value, of kind none when there is none: the span of the input that begins with it and reaches
/// to the end of what is around it. To look for its own end is a pass over it, which often nobody
/// needs; raw() does.
pub const Json = struct {
    rest: []const u8,

    pub const none: Json = .{ .rest = "" };

    /// The value that a text is.
    pub fn from(bytes: []const u8) Json {
        return .{ .rest = bytes };
    }

    pub fn kind(v: Json) Kind {
        return switch (peek(v.rest, 0)) {
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

    /// Says whether there is no value, or the value null.
    pub fn isNull(v: Json) bool {
        return v.kind() == .none or v.kind() == .null;
    }

    /// The items of a list; none of another value.
    pub fn items(v: Json) Items {
        return .{ .text = if (v.kind() == .list) v.rest else "" };
    }

    /// The members of an object; none of another value.
    pub fn members(v: Json) Members {
        return .{ .in = .{ .text = if (v.kind() == .object) v.rest else "" } };
    }

    /// The value of the first member of this name.
    pub fn member(v: Json, name: []const u8) Json {
        var all = v.members();
        while (all.next()) |m| if (std.mem.eql(u8, m.name(), name)) return m.value;
        return none;
    }

    /// The bytes of the value as they stand in the input.
    pub fn raw(v: Json) []const u8 {
        return v.rest[0..valueEnd(v.rest, 0)];
    }

    /// A text's spelling between its quotes.
    pub fn inside(v: Json) ?[]const u8 {
        const spelled = v.raw();
        return if (v.kind() == .text and spelled.len > 1) spelled[1 .. spelled.len - 1] else null;
    }

    /// A text's characters in UTF-8, where they stand or decoded into scratch. Half of a surrogate
    /// pair becomes U+FFFD.
    pub fn text(v: Json) ?[]const u8 {
        const spelled = v.inside() orelse return null;
        return if (special(spelled, 0) == spelled.len) spelled else decoded(spelled);
    }

    /// Says whether this is a text with these characters.
    pub fn is(v: Json, characters: []const u8) bool {
        return std.mem.eql(u8, v.text() orelse return false, characters);
    }

    /// A number's value.
    pub fn number(v: Json) ?f64 {
        if (v.kind() != .number) return null;
        const spelled = v.raw();
        var n: u64 = 0;
        var at: usize = 0;
        while (at < spelled.len and spelled[at] -% '0' < 10) : (at += 1) n = n *% 10 +% (spelled[at] - '0');
        return if (at == spelled.len and at < 16) @floatFromInt(n) else std.fmt.parseFloat(f64, spelled) catch null;
    }

    /// A number without a dot or an exponent, if 64 bits hold it.
    pub fn whole(v: Json) ?i64 {
        return if (v.kind() == .number) std.fmt.parseInt(i64, v.raw(), 10) catch null else null;
    }
};

pub const Items = struct {
    text: []const u8,
    at: usize = 0, // where the item begins that was given out last

    pub fn next(i: *Items) ?Json {
        return if (i.advance()) .{ .rest = i.text[i.at..] } else null;
    }

    // Goes on to the next item or name; false at the end, which is remembered.
    inline fn advance(i: *Items) bool {
        const opens = i.at == 0;
        if (i.text.len == 0) return false;
        const behind = space(i.text, if (opens) 1 else valueEnd(i.text, i.at));
        const c = peek(i.text, behind);
        const closes = c == i.text[0] + 2;
        if (closes) closed = i.text[0 .. behind + 1];
        i.at = if (opens) behind else space(i.text, behind + 1);
        if (!closes and (opens or c == ',') and i.at < i.text.len) return true;
        i.text = "";
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
    pub inline fn is(m: Member, comptime characters: []const u8) bool {
        return std.mem.eql(u8, m.spelling, characters) or m.escaped and std.mem.eql(u8, m.name(), characters);
    }
};

pub const Members = struct {
    in: Items,

    pub fn next(m: *Members) ?Member {
        const text = m.in.text;
        if (!m.in.advance()) return null;
        const name = m.in.at + 1;
        const plain = special(text, name);
        const escaped = peek(text, plain) == '\\';
        const end = if (escaped) textEnd(text, name - 1) else @min(plain + 1, text.len);
        m.in.at = space(text, space(text, end) + 1); // behind the colon
        return .{ .spelling = text[name..@max(name, end - 1)], .escaped = escaped, .value = .{ .rest = text[m.in.at..] } };
    }
};

// The list or object that was read to its end last: who reads on behind it need not look for that
// again. The next call forgets it.
pub var closed: []const u8 = "";

const Bytes = @Vector(16, u8);

inline fn bytesAt(text: []const u8, at: usize) Bytes {
    return @as(*align(1) const Bytes, @ptrCast(text.ptr + at)).*; // there is memory behind every text
}

inline fn bits(marks: @Vector(16, bool)) u16 {
    return @bitCast(marks);
}

fn splat(comptime c: u8) Bytes {
    return @splat(c);
}

// The byte at `at`, 0 at the end.
inline fn peek(text: []const u8, at: usize) u8 {
    return if (at < text.len) text[at] else 0;
}

// Behind white space.
inline fn space(text: []const u8, from: usize) usize {
    return if (peek(text, from) > ' ') from else spaces(text, from);
}

noinline fn spaces(text: []const u8, from: usize) usize {
    return std.mem.indexOfNonePos(u8, text, from, " \t\r\n") orelse text.len;
}

// The first byte from `from` on that is a quote, a backslash or a control; the text's length without any.
inline fn special(text: []const u8, from: usize) usize {
    var at = from;
    while (at < text.len) : (at += 16) {
        const x = bytesAt(text, at);
        const marks = bits((x < splat(' ')) | (x == splat('"')) | (x == splat('\\')));
        if (marks != 0) return @min(at + @ctz(marks), text.len);
    }
    return text.len;
}

// Behind the text that begins at `from`.
inline fn textEnd(text: []const u8, from: usize) usize {
    var at = special(text, from + 1);
    while (peek(text, at) == '\\') at = special(text, at + 2);
    return @min(at + 1, text.len);
}

fn containerEnd(text: []const u8, from: usize) usize {
    if (closed.ptr == text.ptr + from) return from + closed.len;
    var at = from;
    var depth: usize = 0;
    while (at < text.len) {
        const x = bytesAt(text, at);
        const y = x | splat(0x20);
        const marks = bits((x == splat('"')) | (y == splat('{')) | (y == splat('}')));
        at += if (marks != 0) @ctz(marks) else 16;
        const c = if (marks != 0) peek(text, at) else continue;
        at = if (c == '"') textEnd(text, at) else at + 1;
        if (c | 0x20 == '{') depth += 1;
        if (c | 0x20 == '}') depth -= 1;
        if (depth == 0) break;
    }
    return @min(at, text.len);
}

// Behind the value that begins at `from`.
inline fn valueEnd(text: []const u8, from: usize) usize {
    const c = peek(text, from);
    if (c == '"') return textEnd(text, from);
    if (c | 0x20 == '{') return containerEnd(text, from);
    var at = from;
    while (at < text.len) : (at += 16) { // a number or a word
        const x = bytesAt(text, at);
        const marks = bits((x < splat('+')) | (x == splat(',')) | (x | splat(0x20) == splat('}')));
        if (marks != 0) return @min(at + @ctz(marks), text.len);
    }
    return text.len;
}

// Decodes a text's inside into scratch.
fn decoded(inside: []const u8) []const u8 {
    const to = memory.scratch(u8, inside.len + 3);
    var at: usize = 0;
    var n: usize = 0;
    while (at < inside.len) {
        if (hex(inside, at)) |unit| {
            var c = unit;
            at += 6;
            if (unit >> 10 == 0x36) if (hex(inside, at)) |low| if (low >> 10 == 0x37) {
                c = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
                at += 6;
            };
            n += std.unicode.utf8Encode(c, to[n..]) catch std.unicode.utf8Encode(0xfffd, to[n..]) catch unreachable;
        } else {
            const escape = inside[at] == '\\';
            to[n] = if (escape) meaning(peek(inside, at + 1)) else inside[at];
            n += 1;
            at += if (escape) 2 else 1;
        }
    }
    return to[0..n];
}

// The character that c stands for behind a backslash.
fn meaning(c: u8) u8 {
    return switch (c) {
        'b' => 8,
        'f' => 12,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        else => c,
    };
}

// The number that \u and four digits at `at` spell.
fn hex(text: []const u8, at: usize) ?u21 {
    if (at + 6 > text.len or text[at] != '\\' or text[at + 1] != 'u') return null;
    var v: u21 = 0;
    for (text[at + 2 ..][0..4]) |c| v = v << 4 | (std.fmt.charToDigit(c, 16) catch 0);
    return v;
}

/// Appends a text, which is UTF-8, as a JSON string, escaped as far as JSON requires.
pub fn appendText(o: *Out, text: []const u8) void {
    o.append("\"");
    o.appendInside(text);
    o.append("\"");
}

/// The same without the quotes.
pub fn appendInside(o: *Out, text: []const u8) void {
    const digits = "0123456789abcdef";
    var from: usize = 0;
    while (true) {
        const at = special(text, from);
        o.append(text[from..at]);
        if (at == text.len) return;
        switch (text[at]) {
            '\n' => o.append("\\n"),
            '"', '\\' => |c| o.append(&.{ '\\', c }),
            else => |c| o.append(&.{ '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] }),
        }
        from = at + 1;
    }
}

/// Appends the shortest number that reads back as x, without a dot if it is whole. JSON has
/// only finite ones: others are null.
pub fn appendNumber(o: *Out, x: f64) void {
    if (@abs(x) < 0x1p53 and x == @trunc(x)) return o.appendWhole(@intFromFloat(x));
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
