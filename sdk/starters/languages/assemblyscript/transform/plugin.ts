// @name@ is a Penstock transform: it puts a line in front of every system prompt.
import { append, call, is, items, Json, Kind, kind, length, member, raw, reject, span, start } from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_transform_request(ptr: usize, len: usize): u64 { return call(addLine, ptr, len); }

// What system prompts begin with, as it stands in a JSON string.
const LINE = "Answer in plain words.";

// Appends the request with the line. Every other byte of it stays.
function addLine(input: Json): void {
  const body = raw(member(input, "body")), messages = member(body, "messages");
  if (kind(messages) != Kind.List) return reject(400, "messages must be a list");
  const first = items(messages);
  if (!first) return; // no message, no opinion
  const content = member(first, "content");
  const extend = kind(content) == Kind.Text && is(member(first, "role"), "system");
  const at = start(raw(extend ? content : messages)) + 1; // behind the quote or bracket
  append("{\"body\":");
  append(span(start(body), at - start(body)));
  if (!extend) append("{\"role\":\"system\",\"content\":\"");
  append(LINE);
  append(extend ? "\\n" : "\"},");
  append(span(at, start(body) + length(body) - at));
  append("}");
}
