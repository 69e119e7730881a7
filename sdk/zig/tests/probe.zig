//! A plugin for the gateway's tests, which uses what the examples do not.
const penstock = @import("penstock");
const Json = penstock.Json;
const Out = penstock.Out;

export fn penstock_route(ptr: [*]u8, len: usize) u64 {
    return penstock.call(again, ptr, len);
}

export fn penstock_transform_request(ptr: [*]u8, len: usize) u64 {
    return penstock.call(host, ptr, len);
}

export fn penstock_accept_request(ptr: [*]u8, len: usize) u64 {
    return penstock.call(rank, ptr, len);
}

export fn penstock_route_flat(ptr: [*]u8, len: usize) u64 {
    return penstock.call(known, ptr, len);
}

export fn penstock_render_response(ptr: [*]u8, len: usize) u64 {
    return penstock.call(terms, ptr, len);
}

// Writes what a flat route has that version 1.0 of the contract did not have.
fn known(in: []const u8, out: *Out) !void {
    const r = penstock.readRoute(in) orelse return penstock.reject(500, "the header does not fit");
    out.append("[");
    out.appendText(r.session() orelse "");
    out.append(",");
    out.appendText(r.lastUserText() orelse "");
    out.append(",");
    out.appendText(r.class() orelse "");
    for ([_][]const u8{ "app", "none" }) |name| {
        out.append(",");
        if (r.tag(name)) |value| out.appendText(value) else out.append("null");
    }
    for (0..r.len) |k| {
        const f = r.figures(k);
        for ([_]i64{ r.target(k).cached_prefix, f.est_cost, @intCast(f.sticky >> 32), @intCast(f.sticky & 0xffffffff), r.maxInflight(k), r.expectedOutput(k) }) |n| {
            out.append(",");
            out.appendWhole(n);
        }
        for ([_]f64{ f.first_token_p50, f.first_token_p95, f.samples, f.requests_left, f.tokens_left }) |x| {
            out.append(",");
            out.appendNumber(x);
        }
    }
    out.append("]");
}

// Ranks by a list of scores; every second one is dropped.
fn rank(text: []const u8, out: *Out) !void {
    var items = Json.from(text).items();
    var k: u32 = 0;
    while (items.next()) |v| : (k += 1) out.insertRank(k, k % 2 * penstock.drop, v.number() orelse 0);
    if (k > 0) out.appendTerm(0, .latency, 0.5); // which JSON has no place for
    out.rankingJson("the \"odd\" ones are dropped");
}

// Ranks by a list of scores, each with a term.
fn terms(text: []const u8, out: *Out) !void {
    var items = Json.from(text).items();
    var k: u32 = 0;
    while (items.next()) |v| : (k += 1) {
        const score = v.number() orelse 0;
        out.appendRank(k, 0, score);
        out.appendTerm(k, .latency, -score);
    }
}

// Reads a list, or an object's values, and writes them as a list by way of what they mean.
fn again(text: []const u8, out: *Out) !void {
    const list = Json.from(text);
    var items = list.items();
    while (items.next()) |v| write(v, out);
    var found = false;
    var members = list.members();
    while (members.next()) |m| {
        found = found or m.is("x");
        write(m.value, out);
    }
    if (found != (list.member("x").kind() != .none)) return penstock.reject(500, "x");
    out.append(if (out.len > 0) "]" else "[]");
}

fn write(v: Json, out: *Out) void {
    out.append(if (out.len > 0) "," else "[");
    if (v.text()) |s| return out.appendText(s);
    if (v.whole()) |n| return out.appendWhole(n);
    if (v.number()) |x| return out.appendNumber(x);
    out.append(v.raw());
}

// Calls the host's functions.
fn host(text: []const u8, out: *Out) !void {
    penstock.log(.info, text);
    penstock.metricAdd("calls", 1);
    if (penstock.kvGet("key")) |value| out.append(value);
    out.append(" ");
    out.appendWhole(penstock.nowMs());
    if (penstock.randomU64() == penstock.randomU64()) return penstock.reject(500, "the random numbers are the same");
    if (!penstock.kvSet("key", text, 60)) return penstock.reject(500, "the store is full");
}
