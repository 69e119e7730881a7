//! A router that ranks targets by what the request would cost there, cheapest first.
const std = @import("std");
const penstock = @import("penstock");
const Json = penstock.Json;
const Out = penstock.Out;

export fn penstock_route(ptr: [*]u8, len: usize) u64 {
    return penstock.call(route, ptr, len);
}

export fn penstock_route_flat(ptr: [*]u8, len: usize) u64 {
    return penstock.call(routeFlat, ptr, len);
}

// A candidate that can be ranked. Prices are in nano-USD per million tokens.
const Offer = struct {
    index: ?u32 = null,
    price_in: ?f64 = null,
    price_out: ?f64 = null,
};

// The offers of a call; the list has room for as many as there can be.
const Offers = struct {
    list: []Offer,
    len: usize = 0,
};

// How long an answer to expect, in tokens, with the setting (500 without one), but no more than the
// bound.
fn expected(setting: ?f64, bound: f64) penstock.Error!f64 {
    const n = setting orelse -1;
    if (n >= 0) return @min(n, bound);
    return penstock.reject(400, "output_tokens must be a number that is not negative");
}

// What a request costs in nano-USD.
fn costOf(prompt: f64, price_in: f64, answer: f64, price_out: f64) f64 {
    return (prompt * price_in + answer * price_out) / 1e6;
}

fn route(text: []const u8, out: *Out) !void {
    const input = Json.from(text);
    var prompt: f64 = 0;
    var bound: f64 = std.math.inf(f64);
    var setting: ?f64 = 500;
    // A candidate that can be ranked takes at least this much text: {"price_in":1,"price_out":1,"healthy":true}
    var offers = Offers{ .list = penstock.scratch(Offer, text.len / 43) };
    var all = input.members();
    while (all.next()) |m| {
        if (m.is("est_input_tokens")) prompt = m.value.number() orelse 0;
        if (m.is("max_tokens")) bound = m.value.number() orelse bound;
        if (m.is("with")) setting = outputTokens(m.value);
        if (m.is("candidates")) {
            var list = m.value.items();
            while (list.next()) |candidate| consider(candidate, &offers);
        }
    }
    const answer = try expected(setting, bound);
    const ranked = offers.list[0..offers.len];
    for (ranked) |o| out.insertRank(o.index.?, 0, -costOf(prompt, o.price_in.?, answer, o.price_out.?));
    out.rankingJson("cheapest");
}

fn outputTokens(with: Json) ?f64 {
    const v = with.member("output_tokens");
    return if (v.isNull()) 500 else v.number();
}

// Adds a candidate to the offers if it is healthy and its prices are known.
fn consider(candidate: Json, offers: *Offers) void {
    var offer: Offer = .{};
    var healthy = false;
    var all = candidate.members();
    while (all.next()) |m| {
        if (m.is("i")) offer.index = std.math.cast(u32, m.value.whole() orelse -1);
        if (m.is("price_in")) offer.price_in = m.value.number();
        if (m.is("price_out")) offer.price_out = m.value.number();
        if (m.is("healthy")) healthy = m.value.kind() == .true;
    }
    if (healthy and offer.index != null and offer.price_in != null and offer.price_out != null) {
        offers.list[offers.len] = offer;
        offers.len += 1;
    }
}

fn routeFlat(input: []const u8, out: *Out) !void {
    const r = penstock.readRoute(input) orelse return penstock.reject(500, "malformed route");
    const bound: f64 = if (r.max_output == 0) std.math.inf(f64) else @floatFromInt(r.max_output);
    const answer = try expected(if (r.setting("output_tokens")) |text| Json.from(text).number() else 500, bound);
    const usable = penstock.Target.healthy | penstock.Target.priced;
    for (0..r.len) |k| {
        const t = r.target(k);
        if (t.flags & usable != usable) continue;
        out.insertRank(t.index, 0, -costOf(@floatFromInt(r.est_input), @floatFromInt(t.price_in), answer, @floatFromInt(t.price_out)));
    }
}
