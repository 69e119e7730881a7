// A transform that puts an operator's text for the target model in front of the system prompt.
import {
  append, appendInside, call, is, items, Json, keep, Kind, kind, length, member, members, next, raw, reject, Span,
  span, start, textOf, value,
} from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_init(ptr: usize, len: usize): u64 { return call(init, ptr, len); }
export function penstock_transform_request(ptr: usize, len: usize): u64 { return call(transform, ptr, len); }

// The settings' styles, in the input of penstock_init, which is kept.
let styles: Json = 0;

function init(input: Json): void {
  styles = member(member(input, "config"), "styles");
  let ok = kind(styles) == Kind.Object;
  for (let m = members(styles); m; m = next(styles, value(m))) ok = ok && kind(value(m)) == Kind.Text;
  if (!ok) return reject(400, "styles must be an object of strings");
  keep(input);
}

function transform(input: Json): void {
  const style = styleOf(textOf(member(member(input, "target"), "id")));
  if (!style) return;
  const body = member(input, "body"), messages = member(body, "messages");
  if (kind(messages) != Kind.List) return reject(400, "messages must be a list");
  const first = items(messages), role = member(first, "role"), content = member(first, "content");
  const prompt = is(role, "system") || is(role, "developer");
  if (prompt && kind(content) == Kind.Text) {
    insert(body, content, "", style, "\\n\\n");
  } else if (prompt && kind(content) == Kind.List) {
    insert(body, content, "{\"type\":\"text\",\"text\":\"", style, items(content) ? "\"}," : "\"}");
  } else {
    insert(body, messages, "{\"role\":\"system\",\"content\":\"", style, first ? "\"}," : "\"}");
  }
}

// The text of the longest pattern that the target's id matches, 0 if there is none.
function styleOf(id: Span): Span {
  let style: Json = 0, longest: usize = 0;
  for (let m = members(styles); m; m = next(styles, value(m))) {
    const pattern = textOf(m);
    if (!matches(pattern, id) || style && length(pattern) <= longest) continue;
    longest = length(pattern);
    style = value(m);
  }
  return textOf(style);
}

function matches(pattern: Span, id: Span): bool {
  const n = length(pattern);
  if (n && load<u8>(start(pattern) + n - 1) == 0x2a) { // *
    return n - 1 <= length(id) && memory.compare(start(pattern), start(id), n - 1) == 0;
  }
  return n == length(id) && memory.compare(start(pattern), start(id), n) == 0;
}

// Appends the body with something put behind the first byte of one of its values.
function insert(body: Json, into: Json, before: string, text: Span, behind: string): void {
  const all = raw(body), at = start(raw(into)) + 1;
  append("{\"body\":");
  append(span(start(all), at - start(all)));
  append(before);
  appendInside(text);
  append(behind);
  append(span(at, start(all) + length(all) - at));
  append("}");
}
