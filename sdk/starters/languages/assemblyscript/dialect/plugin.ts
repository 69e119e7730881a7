// @name@ is a Penstock dialect for acme, a provider that speaks OpenAI's format at a path
// of its own and wants its version named in a header.
import {
  append, appendLine, appendState, call, equals, Json, Kind, kind, length, member, raw, reject, Span, span, splitEvent,
  splitFrame, start, whole,
} from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_transform_request(ptr: usize, len: usize): u64 { return call(request, ptr, len); }
export function penstock_normalise_response(ptr: usize, len: usize): u64 { return call(response, ptr, len); }
export function penstock_normalise_event(ptr: usize, len: usize): u64 { return call(event, ptr, len); }

// Makes acme's request of a canonical one: the model gets its name there, all else stays.
// The gateway adds the API key.
function request(input: Json): void {
  const body = raw(member(input, "body")), name = raw(member(member(input, "target"), "model"));
  const model = raw(member(body, "model")), end = start(model) + length(model);
  if (!model || !name) return reject(400, "the request names no model");
  append("{\"method\":\"POST\",\"path\":\"/chat/generate\",\"headers\":{\"acme-version\":\"2\"},\"body\":");
  append(span(start(body), start(model) - start(body)));
  append(name);
  append(span(end, start(body) + length(body) - end));
  append("}");
}

// Makes a canonical reply, or error, of acme's.
function response(input: Json): void {
  const body = member(input, "body");
  const failed = whole(member(input, "status")) >= 400 && kind(member(body, "error")) != Kind.Object;
  if (kind(body) == Kind.Object && !failed) return append(raw(body));
  append("{\"error\":{\"message\":\"acme's reply is not one\",\"type\":\"api_error\",\"param\":null,\"code\":null}}");
}

// Makes canonical chunks of an event of acme's stream. There is nothing to remember from
// event to event, so the state stays empty.
function event(input: Span): void {
  const frame = splitFrame(input);
  if (!frame) return reject(500, "the frame is cut short");
  const e = splitEvent(frame.payload), data = e.data;
  appendState(0);
  if (equals(e.name, "penstock.start") || equals(e.name, "penstock.end")) return;
  if (equals(data, "[DONE]")) return appendLine(data);
  if (kind(data) != Kind.Object) {
    return appendLine("{\"error\":{\"message\":\"acme's event is not one\",\"type\":\"api_error\",\"param\":null,\"code\":null}}");
  }
  for (let at = start(data), end = at + length(data); at < end; at++) {
    if (load<u8>(at) == 0x0a) store<u8>(at, 0x20); // a line end would end the chunk
  }
  appendLine(data);
}
