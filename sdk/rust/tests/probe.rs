//! Probe: a plugin for the gateway's tests, which uses what the examples do not.
#![no_std]

use penstock::{kv_get, kv_set, log, metric_add, now_ms, random_u64, read_route, reject, Buf, Json, Kind, Level, Result, Term, DROP};

penstock::plugin! { route: again, route_flat: known, transform_request: host, accept_request: rank, render_response: terms }

fn write(value: Json, out: &mut Buf) {
    let mut text = Buf::new();
    out.push(if out.is_empty() { b'[' } else { b',' });
    if value.text(&mut text) {
        out.append_text(&*text);
    } else if let Some(n) = value.whole() {
        out.append_whole(n);
    } else if let Some(x) = value.number() {
        out.append_number(x);
    } else {
        out.append(value.raw());
    }
}

/// Ranks by a list of scores; every second one is dropped.
fn rank(input: &[u8], out: &mut Buf) -> Result {
    for (k, item) in Json::new(input).items().enumerate() {
        out.insert_rank(k as u32, k as u32 % 2 * DROP, item.number().unwrap_or(0.0));
    }
    if !out.is_empty() { out.append_term(0, Term::Latency, 0.5) } // which JSON has no place for
    out.ranking_json("the \"odd\" ones are dropped");
    Ok(())
}

/// Ranks by a list of scores, each with a term.
fn terms(input: &[u8], out: &mut Buf) -> Result {
    for (k, item) in Json::new(input).items().enumerate() {
        let score = item.number().unwrap_or(0.0);
        out.append_rank(k as u32, 0, score);
        out.append_term(k as u32, Term::Latency, -score);
    }
    Ok(())
}

/// Writes what a flat route has that version 1.0 of the contract did not have.
fn known(input: &[u8], out: &mut Buf) -> Result {
    let r = match read_route(input) {
        Some(r) => r,
        None => return reject(500, "the header does not fit"),
    };
    out.push(b'[');
    out.append_text(r.session().unwrap_or(b""));
    out.push(b',');
    out.append_text(r.last_user_text().unwrap_or(b""));
    out.push(b',');
    out.append_text(r.class().unwrap_or(b""));
    for name in ["app", "none"] {
        out.push(b',');
        match r.tag(name) {
            Some(value) => out.append_text(value),
            None => out.append("null"),
        }
    }
    for k in 0..r.len {
        let (t, f) = (r.target(k), r.figures(k));
        for n in [t.cached_prefix as i64, f.est_cost, (f.sticky >> 32) as i64, f.sticky as u32 as i64, r.max_inflight(k) as i64, r.expected_output(k) as i64] {
            out.push(b',');
            out.append_whole(n);
        }
        for x in [f.ttft_p50_ms, f.ttft_p95_ms, f.samples, f.requests_left, f.tokens_left] {
            out.push(b',');
            out.append_number(x);
        }
    }
    out.push(b']');
    Ok(())
}

/// Reads a list, or an object's values, and writes them as a list by way of what they mean.
fn again(input: &[u8], out: &mut Buf) -> Result {
    let (list, mut found) = (Json::new(input), false);
    list.items().for_each(|item| write(item, out));
    for (name, value) in list.members() {
        found |= name.is("x");
        write(value, out);
    }
    if found != (list.member("x").kind() != Kind::Missing) {
        return reject(500, "x");
    }
    out.append(if out.is_empty() { "[]" } else { "]" });
    Ok(())
}

/// Calls the host's functions.
fn host(input: &[u8], out: &mut Buf) -> Result {
    log(Level::Info, core::str::from_utf8(input).unwrap_or(""));
    metric_add("calls", 1.0);
    kv_get(b"key", out);
    out.push(b' ');
    out.append_whole(now_ms());
    if random_u64() == random_u64() {
        return reject(500, "the random numbers are the same");
    }
    if kv_set(b"key", input, 60) { Ok(()) } else { reject(500, "the store is full") }
}
