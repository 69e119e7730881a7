//! @name@ is a Penstock transform: it puts a line in front of every system prompt.
const penstock = @import("penstock");

export fn penstock_transform_request(ptr: [*]u8, len: usize) u64 {
    return penstock.call(addLine, ptr, len);
}

/// What system prompts begin with, as it stands in a JSON string.
const line = "Answer in plain words.";

/// Appends the request with the line. Every other byte of it stays.
fn addLine(input: []const u8, out: *penstock.Out) !void {
    const request = penstock.Json.from(input).member("body");
    const messages = request.member("messages");
    if (messages.kind() != .list) return penstock.reject(400, "messages must be a list");
    var items = messages.items();
    const first = items.next() orelse return; // no message, no opinion
    const content = first.member("content");
    const extend = content.kind() == .text and first.member("role").is("system");
    const place = if (extend) content.raw() else messages.raw();
    const body = request.raw();
    const at = place.ptr - body.ptr + 1; // behind the quote or bracket
    out.append("{\"body\":");
    out.append(body[0..at]);
    out.append(if (extend) line ++ "\\n" else "{\"role\":\"system\",\"content\":\"" ++ line ++ "\"},");
    out.append(body[at..]);
    out.append("}");
}
