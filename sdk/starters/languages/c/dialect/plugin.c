// @name@ is a Penstock dialect for acme, a provider that speaks OpenAI's format at a path
// of its own and wants its version named in a header.
#include "penstock.h"

#define FAILED(what) PS("{\"error\":{\"message\":\"" what "\",\"type\":\"api_error\",\"param\":null,\"code\":null}}")

static bool same(ps_text a, ps_text b) {
  size_t k = 0;
  while (k < a.len && k < b.len && a.at[k] == b.at[k]) k++;
  return k == a.len && k == b.len;
}

// Makes acme's request of a canonical one: the model gets its name there, all else stays.
// The gateway adds the API key.
static bool request(ps_text input, ps_buf *out) {
  ps_json envelope = ps_parse(input), canonical = ps_member(envelope, "body");
  ps_text body = ps_raw(canonical), model = ps_raw(ps_member(canonical, "model"));
  ps_text name = ps_raw(ps_member(ps_member(envelope, "target"), "model"));
  if (!model.len || !name.len) return ps_reject(400, PS("the request names no model"));
  const uint8_t *rest = model.at + model.len;
  ps_append(out, PS("{\"method\":\"POST\",\"path\":\"/chat/generate\",\"headers\":{\"acme-version\":\"2\"},\"body\":"));
  ps_append(out, (ps_text){body.at, model.at - body.at});
  ps_append(out, name);
  ps_append(out, (ps_text){rest, body.at + body.len - rest});
  ps_append(out, PS("}"));
  return true;
}
PS_HOOK(transform_request, request)

// Makes a canonical reply, or error, of acme's.
static bool response(ps_text input, ps_buf *out) {
  ps_json envelope = ps_parse(input), body = ps_member(envelope, "body");
  int64_t status = 0;
  ps_whole(ps_member(envelope, "status"), &status);
  bool failed = status >= 400 && ps_kind(ps_member(body, "error")) != PS_OBJECT;
  ps_append(out, ps_kind(body) == PS_OBJECT && !failed ? ps_raw(body) : FAILED("acme's reply is not one"));
  return true;
}
PS_HOOK(normalise_response, response)

// Makes canonical chunks of an event of acme's stream. There is nothing to remember from
// event to event, so the state stays empty.
static bool event(ps_text input, ps_buf *out) {
  ps_text state, payload, name, data;
  if (!ps_split_frame(input, &state, &payload)) return ps_reject(500, PS("the frame is cut short"));
  ps_split_event(payload, &name, &data);
  ps_append_state(out, PS(""));
  if (same(name, PS("penstock.start")) || same(name, PS("penstock.end"))) return true;
  ps_json chunk = ps_parse(data);
  if (same(data, PS("[DONE]"))) {
    ps_append_line(out, data);
  } else if (ps_kind(chunk) != PS_OBJECT) {
    ps_append_line(out, FAILED("acme's event is not one"));
  } else {
    for (size_t k = 0; k < data.len; k++) ps_push(out, data.at[k] == '\n' ? ' ' : data.at[k]); // a line end would end the chunk
  }
  return true;
}
PS_HOOK(normalise_event, event)
