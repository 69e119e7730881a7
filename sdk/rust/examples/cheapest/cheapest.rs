//! Cheapest: ranks the candidates by what the request would cost there. Those that are
//! unhealthy or lack a price are left out; the gateway puts the healthy ones behind.
//!
//! Setting on the route: `output_tokens`, how long an answer to expect (500).
#![no_std]

use penstock::{read_route, reject, Buf, Json, Kind, Result};

penstock::plugin! { route: rank, route_flat: rank_flat }

fn rank(input: &[u8], out: &mut Buf) -> Result {
    let request = Json::new(input);
    let (mut prompt, mut most, mut setting) = (0.0, f64::INFINITY, None);
    let mut prices = Buf::new();
    for (name, value) in request.members() {
        if name.is("candidates") {
            value.items().filter_map(read).flatten().for_each(|figure| prices.append(figure.to_le_bytes()));
        } else if name.is("est_input_tokens") {
            prompt = value.number().unwrap_or(0.0);
        } else if name.is("max_tokens") {
            most = value.number().unwrap_or(most);
        } else if name.is("with") {
            setting = Some(value.member("output_tokens"));
        }
    }
    let setting = setting.filter(|s| !s.null());
    let answer = setting.map_or(Ok(500.0), output_tokens)?.min(most);
    for candidate in prices.chunks_exact(24) {
        let [index, price_in, price_out] = [0, 8, 16].map(|at| figure(&candidate[at..]));
        out.insert_rank(index as u32, 0, 0.0 - (prompt * price_in + answer * price_out) / 1e6);
    }
    out.ranking_json("cheapest");
    Ok(())
}

/// The index and the prices of a candidate that may be ranked.
fn read(candidate: Json) -> Option<[f64; 3]> {
    let (mut index, mut price_in, mut price_out, mut healthy) = (None, None, None, false);
    for (name, value) in candidate.members() {
        if name.is("i") {
            index = value.whole().filter(|i| (0..1 << 32).contains(i)).map(|i| i as f64);
        } else if name.is("price_in") {
            price_in = value.number();
        } else if name.is("price_out") {
            price_out = value.number();
        } else if name.is("healthy") {
            healthy = value.kind() == Kind::True;
        }
    }
    Some([index?, price_in?, price_out?]).filter(|_| healthy)
}

fn figure(bytes: &[u8]) -> f64 {
    bytes[..8].try_into().map_or(0.0, f64::from_le_bytes)
}

fn rank_flat(input: &[u8], out: &mut Buf) -> Result {
    let route = match read_route(input) {
        Some(route) => route,
        None => return reject(500, "the header does not fit"),
    };
    let expected = route.setting("output_tokens").map_or(Ok(500.0), |text| output_tokens(Json::new(text)))?;
    let answer = if route.max_output > 0 { expected.min(route.max_output as f64) } else { expected };
    for k in 0..route.len {
        let t = route.target(k);
        if t.healthy() && t.priced() {
            let cost = (route.est_input as f64 * t.price_in as f64 + answer * t.price_out as f64) / 1e6;
            out.insert_rank(t.index, 0, 0.0 - cost);
        }
    }
    Ok(())
}

fn output_tokens(setting: Json) -> Result<f64> {
    match setting.number() {
        Some(n) if n >= 0.0 => Ok(n),
        _ => reject(400, "output_tokens must be a number that is not negative"),
    }
}
