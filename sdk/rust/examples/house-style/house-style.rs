//! House style: puts a text in front of the system prompt, another one for each target
//! model.
//!
//! Settings: `{"styles":{"PATTERN":"text"}}`, where a pattern is a target's id or the
//! beginning of one and `*`; the longest that matches wins.
#![no_std]

use penstock::{config, reject, Buf, Json, Kind, Result};

penstock::plugin! { init: settings, transform_request: transform }

fn settings(input: &[u8], _: &mut Buf) -> Result {
    let styles = Json::new(input).member("config").member("styles");
    if styles.kind() != Kind::Object || styles.members().any(|(_, text)| text.kind() != Kind::Text) {
        return reject(400, "styles must be an object of strings");
    }
    Ok(())
}

fn transform(input: &[u8], out: &mut Buf) -> Result {
    let request = Json::new(input);
    let mut style = Buf::new();
    if !find_style(request.member("target"), &mut style) {
        return Ok(());
    }
    let body = request.member("body");
    let messages = body.member("messages");
    if messages.kind() != Kind::List {
        return reject(400, "messages must be a list");
    }
    let first = messages.items().next().unwrap_or(Json::missing());
    let role = first.member("role");
    let content = if role.is("system") || role.is("developer") { first.member("content") } else { Json::missing() };

    out.append(r#"{"body":"#);
    match content.kind() {
        Kind::Text => {
            style.append("\n\n");
            out.append(body.before(content));
            out.append_text(&*style);
            out.truncate(out.len() - 1); // one text instead of two
            out.append(&body.from(content)[1..]);
        }
        Kind::List => put_first(out, body, content, r#"{"type":"text","text":"#, &style),
        _ => put_first(out, body, messages, r#"{"role":"system","content":"#, &style),
    }
    out.push(b'}');
    Ok(())
}

/// Copies the body with one more object in front of a list in it.
fn put_first(out: &mut Buf, body: Json, list: Json, begin: &str, text: &[u8]) {
    out.append(body.before(list));
    out.push(b'[');
    out.append(begin);
    out.append_text(text);
    out.append(if list.items().next().is_some() { "}," } else { "}" });
    out.append(&body.from(list)[1..]);
}

/// Appends the style of a target, and reports whether it has one.
fn find_style(target: Json, style: &mut Buf) -> bool {
    let (mut id, mut pattern, mut longest, mut best) = (Buf::new(), Buf::new(), 0, Json::missing());
    target.member("id").text(&mut id);
    for (name, text) in config().member("styles").members() {
        pattern.truncate(0);
        name.text(&mut pattern);
        let fits = match pattern.strip_suffix(b"*") {
            Some(start) => id.starts_with(start),
            None => *pattern == *id,
        };
        if fits && pattern.len() > longest {
            longest = pattern.len();
            best = text;
        }
    }
    best.text(style)
}
