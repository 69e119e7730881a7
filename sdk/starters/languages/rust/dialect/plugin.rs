//! @name@ is a Penstock dialect for acme, a provider that speaks OpenAI's format at a path
//! of its own and wants its version named in a header.
#![no_std]

use penstock::{reject, split_event, split_frame, Buf, Json, Kind, Result};

penstock::plugin! { transform_request: request, normalise_response: response, normalise_event: event }

/// Makes acme's request of a canonical one: the model gets its name there, all else
/// stays. The gateway adds the API key.
fn request(input: &[u8], out: &mut Buf) -> Result {
    let envelope = Json::new(input);
    let (body, name) = (envelope.member("body"), envelope.member("target").member("model").raw());
    let (body, model) = (body.raw(), body.member("model").raw());
    if model.is_empty() || name.is_empty() {
        return reject(400, "the request names no model");
    }
    let at = model.as_ptr() as usize - body.as_ptr() as usize;
    out.append("{\"method\":\"POST\",\"path\":\"/chat/generate\",\"headers\":{\"acme-version\":\"2\"},\"body\":");
    out.append(&body[..at]);
    out.append(name);
    out.append(&body[at + model.len()..]);
    out.append("}");
    Ok(())
}

/// Makes a canonical reply, or error, of acme's.
fn response(input: &[u8], out: &mut Buf) -> Result {
    let envelope = Json::new(input);
    let body = envelope.member("body");
    let failed = envelope.member("status").whole() >= Some(400) && body.member("error").kind() != Kind::Object;
    if body.kind() == Kind::Object && !failed {
        out.append(body.raw());
    } else {
        out.append("{\"error\":{\"message\":\"acme's reply is not one\",\"type\":\"api_error\",\"param\":null,\"code\":null}}");
    }
    Ok(())
}

/// Makes canonical chunks of an event of acme's stream. There is nothing to remember from
/// event to event, so the state stays empty.
fn event(input: &[u8], out: &mut Buf) -> Result {
    let (name, data) = match split_frame(input) {
        Some((_, payload)) => split_event(payload),
        None => return reject(500, "the frame is cut short"),
    };
    out.append_state(b"");
    if name == b"penstock.start" || name == b"penstock.end" {
        return Ok(());
    }
    let chunk = Json::new(data);
    if data == b"[DONE]" {
        out.append_line(data);
    } else if chunk.kind() == Kind::Object {
        data.iter().for_each(|&c| out.push(if c == b'\n' { b' ' } else { c })); // a line end would end the chunk
    } else {
        out.append_line(b"{\"error\":{\"message\":\"acme's event is not one\",\"type\":\"api_error\",\"param\":null,\"code\":null}}");
    }
    Ok(())
}
