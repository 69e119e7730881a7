//! @name@ is a Penstock transform: it puts a line in front of every system prompt.
#![no_std]

use penstock::{reject, Buf, Json, Kind, Result};

penstock::plugin! { transform_request: add_line }

/// What system prompts begin with, as it stands in a JSON string.
const LINE: &str = "Answer in plain words.";

/// Writes the request with the line. Every other byte of it stays.
fn add_line(input: &[u8], out: &mut Buf) -> Result {
    let request = Json::new(input).member("body");
    let (body, messages) = (request.raw(), request.member("messages"));
    if messages.kind() != Kind::List {
        return reject(400, "messages must be a list");
    }
    let first = match messages.items().next() {
        Some(first) => first,
        None => return Ok(()), // no message, no opinion
    };
    let content = first.member("content");
    let extend = content.kind() == Kind::Text && first.member("role").is("system");
    let place = if extend { content } else { messages };
    let at = offset(body, place.raw()) + 1; // behind the quote or bracket
    out.append("{\"body\":");
    out.append(&body[..at]);
    if extend {
        out.append(LINE);
        out.append("\\n");
    } else {
        out.append("{\"role\":\"system\",\"content\":\"");
        out.append(LINE);
        out.append("\"},");
    }
    out.append(&body[at..]);
    out.append("}");
    Ok(())
}

/// Where a part of a text begins in it.
fn offset(text: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}
