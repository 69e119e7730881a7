//! A transform that puts an operator's text for the target model in front of the system prompt.
const std = @import("std");
const penstock = @import("penstock");
const Json = penstock.Json;
const Out = penstock.Out;

export fn penstock_init(ptr: [*]u8, len: usize) u64 {
    return penstock.call(init, ptr, len);
}

export fn penstock_transform_request(ptr: [*]u8, len: usize) u64 {
    return penstock.call(transform, ptr, len);
}

// The settings' styles, in the input of penstock_init, which is kept.
var styles: Json = .none;

fn init(text: []const u8, _: *Out) !void {
    const input = Json.from(text);
    styles = input.member("config").member("styles");
    var ok = styles.kind() == .object;
    var all = styles.members();
    while (all.next()) |m| ok = ok and m.value.kind() == .text;
    if (!ok) return penstock.reject(400, "styles must be an object of strings");
    penstock.keep(text);
}

fn transform(text: []const u8, out: *Out) !void {
    const input = Json.from(text);
    const style = styleOf(input.member("target").member("id").text() orelse "") orelse return;
    const body = input.member("body");
    const messages = body.member("messages");
    if (messages.kind() != .list) return penstock.reject(400, "messages must be a list");
    var list = messages.items();
    const first: Json = list.next() orelse .none;
    const role = first.member("role");
    const content = first.member("content");
    const prompt = role.is("system") or role.is("developer");
    if (prompt and content.kind() == .text) {
        insert(out, body, content, "", style, "\\n\\n");
    } else if (prompt and content.kind() == .list) {
        var parts = content.items();
        insert(out, body, content, "{\"type\":\"text\",\"text\":\"", style, if (parts.next() != null) "\"}," else "\"}");
    } else {
        insert(out, body, messages, "{\"role\":\"system\",\"content\":\"", style, if (first.kind() != .none) "\"}," else "\"}");
    }
}

// The text of the longest pattern that the target's id matches.
fn styleOf(id: []const u8) ?[]const u8 {
    var style: ?Json = null;
    var longest: usize = 0;
    var all = styles.members();
    while (all.next()) |m| {
        const pattern = m.name();
        if (!matches(pattern, id) or style != null and pattern.len <= longest) continue;
        longest = pattern.len;
        style = m.value;
    }
    return if (style) |s| s.text() else null;
}

fn matches(pattern: []const u8, id: []const u8) bool {
    if (std.mem.endsWith(u8, pattern, "*")) return std.mem.startsWith(u8, id, pattern[0 .. pattern.len - 1]);
    return std.mem.eql(u8, pattern, id);
}

// Appends the body with something put behind the first byte of one of its values.
fn insert(out: *Out, body: Json, into: Json, before: []const u8, text: []const u8, behind: []const u8) void {
    const all = body.raw();
    const at = into.rest.ptr - all.ptr + 1;
    out.append("{\"body\":");
    out.append(all[0..at]);
    out.append(before);
    out.appendInside(text);
    out.append(behind);
    out.append(all[at..]);
    out.append("}");
}
