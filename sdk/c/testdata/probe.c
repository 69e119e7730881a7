// Probe: reads a list and writes it again by way of the values, so that a test can hold
// the one against the other. Of an object it writes the values of its members as a list.
#include "penstock.h"

static void write(ps_json v, ps_buf *out) {
  ps_buf text = {0};
  double x;
  int64_t n;
  if (ps_text_of(v, &text)) ps_append_text(out, ps_held(&text));
  else if (ps_whole(v, &n)) ps_append_whole(out, n);
  else if (ps_number(v, &x)) ps_append_number(out, x);
  else ps_append(out, ps_raw(v));
}

static bool again(ps_text input, ps_buf *out) {
  ps_json list = ps_parse(input);
  uint8_t before = '[';
  if (!ps_valid(list)) return ps_reject(500, PS("the input is not JSON"));
  for (ps_walk w = *list == '{' ? ps_members(list) : ps_items(list); ps_next(&w); before = ',') {
    ps_push(out, before);
    write(w.value, out);
  }
  if (before == '[') ps_push(out, '[');
  ps_push(out, ']');
  return true;
}
PS_HOOK(route, again)

// Everything of the host's, for a test of what ends up in a module.
static bool host(ps_text input, ps_buf *out) {
  ps_log(PS_INFO, input);
  ps_metric_add(PS("calls"), 1);
  ps_buf value = {0};
  if (ps_kv_get(PS("key"), &value)) ps_append(out, ps_held(&value));
  ps_push(out, ' ');
  ps_append_whole(out, ps_now_ms());
  ps_random_u64();
  return ps_kv_set(PS("key"), input, 60);
}
PS_HOOK(transform_request, host)
