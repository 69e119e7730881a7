//! Uses all that the host offers, and what the examples leave out, for the gateway's tests.
const penstock = @import("penstock");
const Json = penstock.Json;
const Out = penstock.Out;

export fn penstock_route(ptr: [*]u8, len: usize) u64 {
    return penstock.call(host, ptr, len);
}

export fn penstock_transform_request(ptr: [*]u8, len: usize) u64 {
    return penstock.call(echo, ptr, len);
}

fn host(text: []const u8, out: *Out) !void {
    const input = Json.from(text);
    penstock.log(.warn, "a line");
    penstock.log(.info, input.member("text").string().?);
    penstock.metricAdd("calls", 2.5);
    out.append("{\"now\":");
    out.appendWhole(penstock.nowMs());
    out.append(",\"random\":");
    out.appendText(if (penstock.randomU64() != penstock.randomU64()) "differs" else "same");
    out.append(",\"before\":");
    if (penstock.kvGet("k")) |v| out.appendText(v) else out.append("null");
    out.append(if (penstock.kvSet("k", input.member("text").string().?, 60)) ",\"set\":true" else ",\"set\":false");
    out.append(",\"after\":");
    out.appendText(penstock.kvGet("k") orelse "");
    out.append("}");
}

// Says of every element what it is, as text and as a whole number, and at the end whether all of
// the input was valid.
fn echo(text: []const u8, out: *Out) !void {
    const input = Json.from(text);
    var list = input.items();
    while (list.next()) |v| {
        out.appendWhole(@backingInt(v.kind()));
        out.append(" ");
        out.appendWhole(v.whole() orelse -1);
        out.append(" ");
        if (v.string()) |s| out.appendText(s) else if (v.kind() != .object) out.append(v.raw());
        var names = v.members();
        while (names.next()) |m| out.appendText(m.name());
        var values = v.members();
        while (values.next()) |m| out.append(m.value.raw());
        out.append("\n");
    }
    var all = input.members();
    while (all.next()) |m| {
        var inner = m.value.items();
        while (inner.next()) |v| {
            var elements = v.items();
            while (elements.next()) |_| {}
        }
    }
    if (!input.valid()) out.append("invalid");
}
