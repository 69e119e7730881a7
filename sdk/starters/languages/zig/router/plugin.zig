//! @name@ is a Penstock router: it ranks a model's targets by what the request would cost
//! there, cheapest first.
const penstock = @import("penstock");

export fn penstock_route_flat(ptr: [*]u8, len: usize) u64 {
    return penstock.call(rank, ptr, len);
}

/// How long an answer to expect, in tokens, when the caller gives no bound.
const default_output = 500;

/// Appends the ranking. Targets that it leaves out come behind the others.
fn rank(input: []const u8, out: *penstock.Out) !void {
    const route = penstock.readRoute(input) orelse return penstock.reject(500, "the input is not a route");
    const output: f64 = @floatFromInt(if (route.max_output > 0) route.max_output else default_output);
    const prompt: f64 = @floatFromInt(route.est_input);
    for (0..route.len) |k| {
        const t = route.target(k);
        const usable = penstock.Target.healthy | penstock.Target.priced;
        if (t.flags & usable != usable) continue;
        // Prices are in nano-USD per million tokens; a higher score is better.
        const price_in: f64 = @floatFromInt(t.price_in);
        const price_out: f64 = @floatFromInt(t.price_out);
        out.insertRank(t.index, 0, -(prompt * price_in + output * price_out) / 1e6);
    }
}
