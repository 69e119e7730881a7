//! A transform that takes e-mail addresses out of replies, also those that a stream cuts in two.
const std = @import("std");
const penstock = @import("penstock");
const Json = penstock.Json;
const Out = penstock.Out;

export fn penstock_normalise_response(ptr: [*]u8, len: usize) u64 {
    return penstock.call(response, ptr, len);
}

export fn penstock_normalise_event(ptr: [*]u8, len: usize) u64 {
    return penstock.call(event, ptr, len);
}

// The most that is held back of one choice's text, in bytes.
const most = 256;

fn response(text: []const u8, out: *Out) !void {
    const input = Json.from(text);
    const body = input.member("body");
    const all = body.raw();
    var at: usize = 0;
    var choices = body.member("choices").items();
    while (choices.next()) |choice| {
        const content = choice.member("message").member("content");
        const words = content.text() orelse continue;
        if (found(words, 0) != null) at = replace(out, all, at, content, words);
    }
    if (at > 0) out.append(all[at..]);
}

// Appends the input from `at` to a value, and the text without addresses instead of that. Returns
// where the input goes on.
fn replace(out: *Out, input: []const u8, at: usize, v: Json, text: []const u8) usize {
    const from = v.rest.ptr - input.ptr;
    out.append(input[at..from]);
    out.append("\"");
    redact(out, text);
    out.append("\"");
    return from + v.raw().len;
}

fn redact(out: *Out, text: []const u8) void {
    var at: usize = 0;
    while (found(text, at)) |address| {
        out.appendInside(text[at..address.from]);
        out.append("[redacted]");
        at = address.to;
    }
    out.appendInside(text[at..]);
}

const Address = struct { from: usize, to: usize };

// The first address in a text from `start` on.
fn found(text: []const u8, start: usize) ?Address {
    var at = start;
    while (std.mem.indexOfScalarPos(u8, text, at, '@')) |sign| : (at = sign + 1) {
        var from = sign;
        while (from > start and isPart(text[from - 1])) from -= 1;
        var to = sign + 1;
        while (to < text.len and isDomain(text[to])) to += 1;
        while (to > sign + 1 and (text[to - 1] == '.' or text[to - 1] == '-')) to -= 1;
        var top = to;
        while (top > sign + 1 and std.ascii.isAlphabetic(text[top - 1])) top -= 1;
        if (from < sign and to - top >= 2 and text[top - 1] == '.') return .{ .from = from, .to = to };
    }
    return null;
}

fn isDomain(c: u8) bool {
    return std.ascii.isAlphanumeric(c) or c == '.' or c == '-';
}

fn isPart(c: u8) bool {
    return isDomain(c) or c == '_' or c == '%' or c == '+';
}

fn event(input: []const u8, out: *Out) !void {
    const frame = penstock.splitFrame(input) orelse return penstock.reject(500, "the frame is cut short");
    const e = penstock.splitEvent(frame.payload);
    if (std.mem.eql(u8, e.name, "penstock.end")) return giveOut(frame.state, out);
    if (std.mem.eql(u8, e.name, "chunk")) return chunk(e.data, frame.state, out);
}

// A choice of a chunk that has text to give out or to hold back.
const Piece = struct {
    index: u32,
    delta: Json,
    content: Json,
    text: []const u8, // what was waiting and what has come
    held: usize, // how much of the text's end waits now
    changed: bool,

    fn words(p: *const Piece) []const u8 {
        return p.text[0 .. p.text.len - p.held];
    }
};

fn chunk(data: []const u8, state: []const u8, out: *Out) !void {
    const input = Json.from(data);
    const room = penstock.scratch(Piece, data.len / 24); // {"delta":{"content":""}}, at least
    var n: usize = 0;
    var changed = false;
    var choices = input.member("choices").items();
    while (choices.next()) |choice| {
        room[n] = read(choice, state) orelse continue;
        changed = changed or room[n].changed;
        n += 1;
    }
    if (!changed) return;
    out.appendState(stateAfter(room[0..n], state));
    out.appendLine("");
    var at: usize = 0;
    for (room[0..n]) |*p| at = write(p, data, at, out);
    out.append(data[at..]);
}

fn read(choice: Json, state: []const u8) ?Piece {
    const index: u32 = @truncate(@as(u64, @bitCast(choice.member("index").whole() orelse 0)));
    const delta = choice.member("delta");
    const content = delta.member("content");
    const finished = !choice.member("finish_reason").isNull();
    const waiting = waitingOf(state, index);
    const new = content.text();
    if (new == null and !(finished and waiting.len > 0 and delta.kind() == .object)) return null;
    const text = joined(waiting, new orelse "");
    const held = if (finished) 0 else @min(run(text), most);
    const changed = waiting.len + held > 0 or found(text, 0) != null;
    return .{ .index = index, .delta = delta, .content = content, .text = text, .held = held, .changed = changed };
}

// Appends the data from `at` on, with the choice's text changed, and returns where it goes on.
fn write(p: *const Piece, data: []const u8, at: usize, out: *Out) usize {
    if (!p.changed) return at;
    if (p.content.kind() != .none) return replace(out, data, at, p.content, p.words());
    const into = p.delta.rest.ptr - data.ptr + 1;
    out.append(data[at..into]);
    out.append("\"content\":\"");
    redact(out, p.words());
    var rest = p.delta.members();
    out.append(if (rest.next() != null) "\"," else "\"");
    return into;
}

// How long the run of an address's characters is with which a text ends.
fn run(text: []const u8) usize {
    var at = text.len;
    while (at > 0 and (isPart(text[at - 1]) or text[at - 1] == '@')) at -= 1;
    return text.len - at;
}

fn joined(a: []const u8, b: []const u8) []const u8 {
    if (a.len == 0) return b;
    const to = penstock.scratch(u8, a.len + b.len);
    @memcpy(to[0..a.len], a);
    @memcpy(to[a.len..], b);
    return to;
}

// A state is entries: a choice's index and the length of its waiting text, both u32, and the text.
const Entry = struct {
    index: u32,
    text: []const u8,

    fn before(_: void, a: Entry, b: Entry) bool {
        return a.index < b.index;
    }
};

const Entries = struct {
    rest: []const u8,

    fn next(e: *Entries) ?Entry {
        if (e.rest.len < 8) return null;
        const end = @min(8 + @as(usize, std.mem.readInt(u32, e.rest[4..8], .little)), e.rest.len);
        defer e.rest = e.rest[end..];
        return .{ .index = std.mem.readInt(u32, e.rest[0..4], .little), .text = e.rest[8..end] };
    }
};

fn put(to: []u8, at: usize, index: u32, text: []const u8) usize {
    std.mem.writeInt(u32, to[at..][0..4], index, .little);
    std.mem.writeInt(u32, to[at + 4 ..][0..4], @intCast(text.len), .little);
    @memcpy(to[at + 8 ..][0..text.len], text);
    return at + 8 + text.len;
}

fn waitingOf(state: []const u8, index: u32) []const u8 {
    var entries: Entries = .{ .rest = state };
    while (entries.next()) |e| if (e.index == index) return e.text;
    return "";
}

// What waits after a chunk: the old entries without those of the pieces, then these.
fn stateAfter(pieces: []const Piece, state: []const u8) []const u8 {
    const to = penstock.scratch(u8, state.len + pieces.len * (8 + most));
    var at: usize = 0;
    var entries: Entries = .{ .rest = state };
    while (entries.next()) |e| {
        if (!has(pieces, e.index)) at = put(to, at, e.index, e.text);
    }
    for (pieces) |*p| {
        if (p.held > 0) at = put(to, at, p.index, p.text[p.text.len - p.held ..]);
    }
    return to[0..at];
}

fn has(pieces: []const Piece, index: u32) bool {
    for (pieces) |p| if (p.index == index) return true;
    return false;
}

// Gives out what still waits at the end of a stream, by index.
fn giveOut(state: []const u8, out: *Out) void {
    const list = penstock.scratch(Entry, state.len / 8);
    var n: usize = 0;
    var entries: Entries = .{ .rest = state };
    while (entries.next()) |e| : (n += 1) list[n] = e;
    if (n == 0) return;
    std.mem.sortUnstable(Entry, list[0..n], {}, Entry.before);
    out.appendState("");
    for (list[0..n]) |e| {
        out.appendLine("{\"choices\":[{\"index\":");
        out.appendWhole(e.index);
        out.append(",\"delta\":{\"content\":\"");
        redact(out, e.text);
        out.append("\"},\"finish_reason\":null}]}");
    }
}
