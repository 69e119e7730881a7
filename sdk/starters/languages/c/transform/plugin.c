// @name@ is a Penstock transform: it puts a line in front of every system prompt.
#include "penstock.h"

// What system prompts begin with, as it stands in a JSON string.
#define LINE "Answer in plain words."

// Appends the request with the line. Every other byte of it stays.
static bool add_line(ps_text input, ps_buf *out) {
  ps_json request = ps_member(ps_parse(input), "body"), messages = ps_member(request, "messages");
  ps_text body = ps_raw(request);
  if (ps_kind(messages) != PS_LIST) return ps_reject(400, PS("messages must be a list"));
  ps_walk first = ps_items(messages);
  if (!ps_next(&first)) return true; // no message, no opinion
  ps_json content = ps_member(first.value, "content");
  bool extend = ps_kind(content) == PS_STRING && ps_is(ps_member(first.value, "role"), "system");
  ps_json place = (extend ? content : messages) + 1; // behind the quote or bracket
  ps_append(out, PS("{\"body\":"));
  ps_append(out, (ps_text){body.at, place - body.at});
  ps_append(out, extend ? PS(LINE "\\n") : PS("{\"role\":\"system\",\"content\":\"" LINE "\"},"));
  ps_append(out, (ps_text){place, body.at + body.len - place});
  ps_append(out, PS("}"));
  return true;
}
PS_HOOK(transform_request, add_line)
