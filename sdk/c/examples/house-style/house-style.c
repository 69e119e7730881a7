// House style: puts a text in front of the system prompt, another one for each target
// model.
//
// Settings: {"styles":{"PATTERN":"text"}}, where a pattern is a target's id or the
// beginning of one and *; the longest that matches wins.
#include "penstock.h"

static ps_json styles(ps_json config) { return ps_member(config, "styles"); }

static bool settings(ps_text input, ps_buf *out) {
  (void)out;
  ps_json list = styles(ps_member(ps_parse(input), "config"));
  bool fits = ps_kind(list) == PS_OBJECT;
  for (ps_walk w = ps_members(list); ps_next(&w);) fits = fits && ps_kind(w.value) == PS_STRING;
  return fits || ps_reject(400, PS("styles must be an object of strings"));
}
PS_INIT(settings)

static bool matches(ps_text pattern, ps_text id) {
  bool open = pattern.len && pattern.at[pattern.len - 1] == '*';
  size_t n = pattern.len - open, k = 0;
  while (k < n && k < id.len && pattern.at[k] == id.at[k]) k++;
  return k == n && (open || k == id.len);
}

// Finds the style of a target and appends it; false if it has none.
static bool find_style(ps_json target, ps_buf *style) {
  ps_buf id = {0}, pattern = {0};
  ps_json best = NULL;
  size_t longest = 0;
  ps_text_of(ps_member(target, "id"), &id);
  for (ps_walk w = ps_members(styles(ps_config())); ps_next(&w);) {
    pattern.len = 0;
    ps_text_of(w.name, &pattern);
    if (pattern.len > longest && matches(ps_held(&pattern), ps_held(&id))) longest = pattern.len, best = w.value;
  }
  return best && ps_text_of(best, style);
}

static ps_json first_item(ps_json list) {
  ps_walk w = ps_items(list);
  return ps_next(&w) ? w.value : ps_nothing;
}

static bool transform(ps_text input, ps_buf *out) {
  ps_json request = ps_parse(input);
  ps_buf style = {0};
  if (!find_style(ps_member(request, "target"), &style)) return true;
  ps_text body = ps_raw(ps_member(request, "body"));
  ps_json messages = ps_member(body.at, "messages");
  if (ps_kind(messages) != PS_LIST) return ps_reject(400, PS("messages must be a list"));

  ps_json first = first_item(messages), role = ps_member(first, "role"), content = ps_member(first, "content");
  bool system = ps_is(role, "system") || ps_is(role, "developer");
  ps_json list = system && ps_kind(content) == PS_LIST ? content : messages;
  bool inside = system && ps_kind(content) == PS_STRING;
  ps_json place = inside ? content : list + 1; // what comes before it stays in front
  ps_append(out, PS("{\"body\":"));
  ps_append(out, (ps_text){body.at, place - body.at});
  if (!inside) ps_append(out, list == content ? PS("{\"type\":\"text\",\"text\":") : PS("{\"role\":\"system\",\"content\":"));
  if (inside) ps_append(&style, PS("\n\n"));
  ps_append_text(out, ps_held(&style));
  if (inside) out->len--, place++; // one string instead of two
  else ps_append(out, first_item(list) == ps_nothing ? PS("}") : PS("},"));
  ps_append(out, (ps_text){place, body.at + body.len - place});
  ps_push(out, '}');
  return true;
}
PS_HOOK(transform_request, transform)
