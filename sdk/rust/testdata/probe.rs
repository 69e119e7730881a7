//! Probe: reads a list and writes it again by way of the values, so that a test can hold
//! the one against the other. Of an object it writes the values of its members as a list.
#![no_std]

use penstock::{kv_get, kv_set, log, metric_add, now_ms, random_u64, reject, Buf, Json, Kind, Level, Result};

penstock::plugin! { route: again, transform_request: host }

fn write(value: Json, out: &mut Buf) {
    let mut text = Buf::new();
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

fn again(input: &[u8], out: &mut Buf) -> Result {
    let list = Json::new(input);
    if !list.valid() {
        return reject(500, "the input is not JSON");
    }
    let mut before = b'[';
    for item in list.items().chain(list.members().map(|(_, value)| value)) {
        out.push(before);
        write(item, out);
        before = b',';
    }
    if before == b'[' {
        out.push(b'[');
    }
    out.push(b']');
    let named = list.members().filter(|(name, _)| name.is("x")).count();
    if (named > 0) != (list.member("x").kind() != Kind::Missing) {
        return reject(500, "x");
    }
    Ok(())
}

/// Everything of the host's, for a test of what ends up in a module.
fn host(input: &[u8], out: &mut Buf) -> Result {
    log(Level::Info, core::str::from_utf8(input).unwrap_or(""));
    metric_add("calls", 1.0);
    let mut value = Buf::new();
    if kv_get(b"key", &mut value) {
        out.append(&*value);
    }
    out.push(b' ');
    out.append_whole(now_ms());
    random_u64();
    if kv_set(b"key", input, 60) { Ok(()) } else { reject(500, "the store is full") }
}
