//! @name@ is a Penstock router: it ranks a model's targets by what the request would cost
//! there, cheapest first.
#![no_std]

use penstock::{read_route, reject, Buf, Result};

penstock::plugin! { route_flat: rank }

/// How long an answer to expect, in tokens, when the caller gives no bound.
const DEFAULT_OUTPUT: f64 = 500.0;
/// How many targets are ranked; further ones come behind them.
const MOST: usize = 256;

fn rank(input: &[u8], out: &mut Buf) -> Result {
    let route = match read_route(input) {
        Some(route) => route,
        None => return reject(500, "the input is not a route"),
    };
    let output = if route.max_output > 0 { route.max_output as f64 } else { DEFAULT_OUTPUT };
    let (mut offers, mut n) = ([(0.0, 0); MOST], 0);
    for t in (0..route.len).map(|k| route.target(k)).filter(|t| t.healthy() && t.priced()).take(MOST) {
        // Prices are in nano-USD per million tokens.
        let cost = (route.est_input as f64 * t.price_in as f64 + output * t.price_out as f64) / 1e6;
        offers[n] = (cost, t.index);
        n += 1;
    }
    offers[..n].sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (cost, index) in &offers[..n] {
        out.append_rank(*index, 0, -cost); // a higher score is better
    }
    Ok(())
}
