//! Reading JSON where it stands, without a tree. A value is a span of the input that begins with
//! it and reaches to the end of the object or array around it: to look for its own end is a pass
//! over it, which often nobody needs. raw() finds it. A walk checks what it passes and ends where it
//! is malformed; what was found in text that is not valid() means nothing.
const std = @import("std");
const memory = @import("memory.zig");
const scan = @import("scan.zig");

pub const Kind = enum { none, null, false, true, number, text, list, object };

/// A value; of kind none when there is none.
pub const Json = struct {
    text: []const u8,

    /// The value at the beginning of a text.
    pub fn from(text: []const u8) Json {
        return .{ .text = text[scan.space(text, 0)..] };
    }

    /// Says whether the text holds one JSON value and nothing else. Nesting costs a bit a level. After
    /// a walk to the end of the value there is nothing left to check but what is behind it.
    pub fn valid(v: Json) bool {
        const end = scan.valueEnd(v.text, 0);
        return end != 0 and scan.space(v.text, end) == v.text.len;
    }

    pub fn kind(v: Json) Kind {
        return switch (scan.peek(v.text, 0)) {
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

    /// The bytes of the value as they stand in the input, none if it is malformed.
    pub fn raw(v: Json) []const u8 {
        return v.text[0..scan.valueEnd(v.text, 0)];
    }

    /// The characters of a string in UTF-8, where they stand or decoded into scratch.
    pub fn string(v: Json) ?[]const u8 {
        if (v.kind() != .text) return null;
        const text = v.raw();
        if (text.len == 0) return null;
        const inside = text[1 .. text.len - 1];
        return if (scan.plainEnd(inside, 0, false) == inside.len) inside else decoded(inside);
    }

    /// Says whether this is a string with these characters.
    pub fn is(v: Json, text: []const u8) bool {
        return std.mem.eql(u8, v.string() orelse return false, text);
    }

    /// The double nearest to a number.
    pub fn number(v: Json) ?f64 {
        if (v.kind() != .number) return null;
        const text = v.raw();
        if (text.len < 16 and scan.digitsEnd(text, 0) == text.len) return @floatFromInt(v.whole().?);
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
        return if (i.advance()) .{ .text = i.text[i.at..] } else null;
    }

    // Goes on to the next element or name; false at the end, which is remembered if all before it was
    // well-formed, and where something is malformed, which is where the walk ends.
    inline fn advance(i: *Items) bool {
        const text = i.text;
        const opens = i.at == 0;
        const end = if (opens) 0 else scan.valueEnd(text, i.at);
        if (text.len == 0 or end == 0 and !opens) return i.stop();
        const behind = scan.space(text, if (opens) 1 else end);
        const closes = scan.peek(text, behind) == text[0] + 2;
        if (closes) scan.remember(text, behind + 1);
        if (closes or !opens and scan.peek(text, behind) != ',') return i.stop();
        i.at = if (opens) behind else scan.space(text, behind + 1);
        return i.at < text.len or i.stop();
    }

    fn stop(i: *Items) bool {
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
    pub inline fn is(m: Member, comptime text: []const u8) bool {
        return std.mem.eql(u8, m.spelling, text) or m.escaped and std.mem.eql(u8, m.name(), text);
    }
};

pub const Members = struct {
    in: Items,

    pub fn next(m: *Members) ?Member {
        const text = m.in.text;
        if (!m.in.advance()) return null;
        const name = m.in.at + 1;
        const plain = scan.plainEnd(text, name, false);
        const escaped = scan.peek(text, plain) == '\\';
        const end = if (escaped) scan.escapedEnd(text, plain) else plain + 1;
        const colon = scan.space(text, @min(end, text.len));
        if (text[name - 1] != '"' or end == 0 or scan.peek(text, plain) < ' ' or scan.peek(text, colon) != ':') {
            _ = m.in.stop();
            return null;
        }
        m.in.at = scan.space(text, colon + 1);
        return .{ .spelling = text[name .. end - 1], .escaped = escaped, .value = .{ .text = text[m.in.at..] } };
    }
};

// Decodes a string's inside into scratch. Half of a surrogate pair becomes U+FFFD.
fn decoded(text: []const u8) []const u8 {
    const to = memory.scratch(u8, text.len);
    var at: usize = 0;
    var n: usize = 0;
    while (at < text.len) {
        if (scan.hex(text, at)) |unit| {
            var c = unit;
            at += 6;
            if (unit >> 10 == 0x36) if (scan.hex(text, at)) |low| if (low >> 10 == 0x37) {
                c = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
                at += 6;
            };
            n += std.unicode.utf8Encode(c, to[n..]) catch std.unicode.utf8Encode(0xfffd, to[n..]) catch unreachable;
        } else {
            const escape = text[at] == '\\';
            to[n] = if (escape) scan.unescaped(text[at + 1]) else text[at];
            n += 1;
            at += if (escape) 2 else 1;
        }
    }
    return to[0..n];
}
