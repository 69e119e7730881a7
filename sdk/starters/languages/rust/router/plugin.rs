//! @name@ is a Penstock router: it ranks a model's targets by what the request would cost
//! there, cheapest first.
#![no_std]

use penstock::{read_route, reject, Buf, Result};

penstock::plugin! { route_flat: rank }

/// How long an answer to expect, in tokens, when the caller gives no bound.
const DEFAULT_OUTPUT: f64 = 500.0;

fn rank(input: &[u8], out: &mut Buf) -> Result {
    let route = match read_route(input) {
        Some(route) => route,
        None => return reject(500, "the input is not a route"),
    };
    let output = if route.max_output > 0 { route.max_output as f64 } else { DEFAULT_OUTPUT };
    for t in (0..route.len).map(|k| route.target(k)).filter(|t| t.healthy() && t.priced()) {
        // Prices are in nano-USD per million tokens; a higher score is better.
        let cost = (route.est_input as f64 * t.price_in as f64 + output * t.price_out as f64) / 1e6;
        out.insert_rank(t.index, 0, -cost);
    }
    Ok(())
}
