//! Cheapest: ranks the candidates by what the request would cost there. Those that are
//! unhealthy or lack a price are left out; the gateway puts the healthy ones behind.
//!
//! Setting on the route: `output_tokens`, how long an answer to expect (500).
#![no_std]

use penstock::{read_route, reject, Buf, Json, Kind, Result};

penstock::plugin! { route: rank, route_flat: rank_flat }

fn rank(input: &[u8], out: &mut Buf) -> Result {
    let request = Json::new(input);
    if !request.valid() {
        return reject(500, "the input is not JSON");
    }
    let (mut prompt, mut most, mut expected) = (0.0, None, 500.0);
    let (mut candidates, mut ranks) = (request, Buf::new());
    for (name, value) in request.members() {
        if name.is("candidates") {
            candidates = value;
        } else if name.is("est_input_tokens") {
            prompt = value.number().unwrap_or(0.0);
        } else if name.is("max_tokens") {
            most = value.number();
        } else if name.is("with") {
            expected = output_tokens(value.member("output_tokens"))?;
        }
    }
    let answer = most.map_or(expected, |most| expected.min(most));
    for candidate in candidates.items() {
        let (mut index, mut price_in, mut price_out, mut healthy) = (None, None, None, false);
        for (name, value) in candidate.members() {
            if name.is("i") {
                index = value.whole();
            } else if name.is("price_in") {
                price_in = value.number();
            } else if name.is("price_out") {
                price_out = value.number();
            } else if name.is("healthy") {
                healthy = value.kind() == Kind::True;
            }
        }
        if let (Some(index), Some(price_in), Some(price_out), true) = (index, price_in, price_out, healthy) {
            insert(&mut ranks, index as u32, (prompt * price_in + answer * price_out) / 1e6);
        }
    }
    write(&ranks, out);
    Ok(())
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
            insert(out, t.index, cost);
        }
    }
    Ok(())
}

/// The setting, or its default when it is missing or null.
fn output_tokens(setting: Json) -> Result<f64> {
    match (setting.kind(), setting.number()) {
        (_, Some(n)) if n >= 0.0 => Ok(n),
        (Kind::Missing | Kind::Null, _) => Ok(500.0),
        _ => reject(400, "output_tokens must be a number that is not negative"),
    }
}

const ENTRY: usize = 16; // bytes of a rank

/// Puts a target in its place among the ranks: cheapest first, equal ones by index.
fn insert(ranks: &mut Buf, index: u32, cost: f64) {
    ranks.append_rank(index, 0, 0.0 - cost);
    let mut at = ranks.len().saturating_sub(ENTRY);
    while at > 0 {
        let (before, score) = entry(&ranks[at - ENTRY..]);
        if score > -cost || score == -cost && before < index {
            break;
        }
        at -= ENTRY;
    }
    ranks[at..].rotate_right(ENTRY);
}

/// The index and the score of the first rank.
fn entry(ranks: &[u8]) -> (u32, f64) {
    let (mut index, mut score) = ([0; 4], [0; 8]);
    index.copy_from_slice(&ranks[..4]);
    score.copy_from_slice(&ranks[8..ENTRY]);
    (u32::from_le_bytes(index), f64::from_le_bytes(score))
}

/// Writes ranks as JSON; without any there is no opinion.
fn write(ranks: &[u8], out: &mut Buf) {
    for (k, rank) in ranks.chunks_exact(ENTRY).enumerate() {
        let (index, score) = entry(rank);
        out.append(if k == 0 { r#"{"ranking":[{"i":"# } else { r#",{"i":"# });
        out.append_whole(index as i64);
        out.append(r#","score":"#);
        out.append_number(score);
        out.push(b'}');
    }
    if !ranks.is_empty() {
        out.append(r#"],"reason":"cheapest"}"#);
    }
}
