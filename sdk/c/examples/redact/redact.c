// Redact: takes e-mail addresses out of replies. In a stream it holds back the end of a
// text that could be the beginning of an address.
#include "penstock.h"

enum { HELD = 256 }; // bytes of a choice's text that are held back at most

static bool is_letter(uint8_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static bool is_domain(uint8_t c) { return is_letter(c) || ps_is_digit(c) || c == '.' || c == '-'; }
static bool is_local(uint8_t c) { return is_domain(c) || c == '_' || c == '%' || c == '+'; }

static ps_text part(ps_text text, size_t from, size_t to) { return (ps_text){text.at + from, to - from}; }

static bool equal(ps_text a, ps_text b) {
  size_t k = 0;
  while (a.len == b.len && k < a.len && a.at[k] == b.at[k]) k++;
  return a.len == b.len && k == a.len;
}

// Where the domain ends that begins at a place in the text, or 0 if there is none.
static size_t domain(ps_text text, size_t from) {
  size_t end = from;
  while (end < text.len && is_domain(text.at[end])) end++;
  while (end > from && !is_letter(text.at[end - 1]) && !ps_is_digit(text.at[end - 1])) end--;
  size_t letters = end;
  while (letters > from && is_letter(text.at[letters - 1])) letters--;
  return end - letters >= 2 && letters > from && text.at[letters - 1] == '.' ? end : 0;
}

// Appends a text without its addresses.
static void clean(ps_buf *out, ps_text text) {
  size_t done = 0;
  for (size_t at = 0; at < text.len; at++) {
    if (text.at[at] != '@') continue;
    size_t local = at, end = domain(text, at + 1);
    while (local > done && is_local(text.at[local - 1])) local--;
    if (local == at || !end) continue;
    ps_append(out, part(text, done, local));
    ps_append(out, PS("[redacted]"));
    done = end;
    at = end - 1;
  }
  ps_append(out, part(text, done, text.len));
}

// A reply that is being copied with changes: up to where, and what is left.
typedef struct { ps_buf out; ps_text rest; bool changed; } edit;

// Puts something new in the place of a part of the reply.
static void replace(edit *e, const uint8_t *from, const uint8_t *to) {
  ps_append(&e->out, (ps_text){e->rest.at, from - e->rest.at});
  e->rest = (ps_text){to, e->rest.at + e->rest.len - to};
  e->changed = true;
}

static bool response(ps_text input, ps_buf *out) {
  ps_json request = ps_parse(input);
  ps_json body = ps_member(request, "body");
  edit e = {{0}, ps_raw(body), false};
  for (ps_walk w = ps_items(ps_member(body, "choices")); ps_next(&w);) {
    ps_json content = ps_member(ps_member(w.value, "message"), "content");
    ps_buf text = {0}, cleaned = {0};
    if (!ps_text_of(content, &text)) continue;
    clean(&cleaned, ps_held(&text));
    if (equal(ps_held(&text), ps_held(&cleaned))) continue;
    replace(&e, content, content + ps_raw(content).len);
    ps_append_text(&e.out, ps_held(&cleaned));
  }
  if (!e.changed) return true;
  ps_append(out, ps_held(&e.out));
  ps_append(out, e.rest);
  return true;
}
PS_HOOK(normalise_response, response)

// The state of a stream is a list of what waits: the index of a choice, the length of its
// text, and that text. It is sorted by index.
typedef struct { int64_t index; size_t len; } entry;

// Finds the entry of a choice, or the place for one. Its text, if any, is returned.
static ps_text find(ps_buf *waiting, int64_t index, size_t *place) {
  entry e;
  for (*place = 0; *place + sizeof e <= waiting->len; *place += sizeof e + e.len) {
    __builtin_memcpy(&e, waiting->at + *place, sizeof e);
    if (e.len > waiting->len - *place - sizeof e) break;
    if (e.index == index) return (ps_text){waiting->at + *place + sizeof e, e.len};
    if (e.index > index) break;
  }
  return (ps_text){ps_nothing, 0};
}

// Lets another text wait for a choice, or none.
static void wait(ps_buf *waiting, int64_t index, ps_text text) {
  entry e = {index, text.len};
  size_t place;
  ps_text old = find(waiting, index, &place), all = ps_held(waiting);
  ps_buf next = {0};
  ps_append(&next, part(all, 0, place));
  if (text.len) ps_append(&next, (ps_text){(uint8_t *)&e, sizeof e}), ps_append(&next, text);
  ps_append(&next, part(all, old.len ? place + sizeof e + old.len : place, all.len));
  *waiting = next;
}

// How much of a text's end could be the beginning of an address.
static size_t open_end(ps_text text) {
  size_t n = 0;
  while (n < text.len && n < HELD && (is_local(text.at[text.len - n - 1]) || text.at[text.len - n - 1] == '@')) n++;
  return n;
}

// Changes a choice of a chunk, if need be.
static void choice(edit *e, ps_buf *waiting, ps_json choice) {
  ps_json reason = ps_nothing, delta = ps_nothing, content = ps_nothing;
  int64_t index = 0;
  for (ps_walk w = ps_members(choice); ps_next(&w);) {
    if (ps_is(w.name, "index")) ps_whole(w.value, &index);
    else if (ps_is(w.name, "delta")) delta = w.value;
    else if (ps_is(w.name, "finish_reason")) reason = w.value;
  }
  content = ps_member(delta, "content");
  bool last = !ps_null(reason);
  ps_buf text = {0}, all = {0}, cleaned = {0};
  size_t place;
  ps_text held = find(waiting, index, &place);
  bool has_text = ps_text_of(content, &text);
  if (!has_text && (!last || !held.len || ps_kind(delta) != PS_OBJECT)) return;

  ps_append(&all, held);
  ps_append(&all, ps_held(&text));
  size_t keep = last ? 0 : open_end(ps_held(&all));
  clean(&cleaned, part(ps_held(&all), 0, all.len - keep));
  ps_text kept = part(ps_held(&all), all.len - keep, all.len);
  if (has_text && equal(ps_held(&cleaned), ps_held(&text)) && equal(kept, held)) return;
  bool put = ps_kind(content) == PS_MISSING; // there is no content yet
  replace(e, put ? delta + 1 : content, put ? delta + 1 : content + ps_raw(content).len);
  if (put) ps_append(&e->out, PS("\"content\":"));
  ps_append_text(&e->out, ps_held(&cleaned));
  ps_walk members = ps_members(delta);
  if (put && ps_next(&members)) ps_push(&e->out, ',');
  wait(waiting, index, kept);
}

// Gives out what waits when the stream ends.
static void end(ps_text state, ps_buf *out) {
  entry e;
  ps_append_state(out, (ps_text){ps_nothing, 0});
  for (size_t at = 0; at + sizeof e <= state.len; at += sizeof e + e.len) {
    ps_buf line = {0}, cleaned = {0};
    __builtin_memcpy(&e, state.at + at, sizeof e);
    if (e.len > state.len - at - sizeof e) return;
    clean(&cleaned, (ps_text){state.at + at + sizeof e, e.len});
    ps_append(&line, PS("{\"choices\":[{\"index\":"));
    ps_append_whole(&line, e.index);
    ps_append(&line, PS(",\"delta\":{\"content\":"));
    ps_append_text(&line, ps_held(&cleaned));
    ps_append(&line, PS("},\"finish_reason\":null}]}"));
    ps_append_line(out, ps_held(&line));
  }
}

static bool event(ps_text input, ps_buf *out) {
  ps_text state, payload, name, data;
  if (!ps_split_frame(input, &state, &payload)) return ps_reject(500, PS("the frame is cut short"));
  ps_split_event(payload, &name, &data);
  if (equal(name, PS("penstock.end"))) return end(state, out), true;
  if (!equal(name, PS("chunk"))) return true;
  ps_json chunk = ps_parse(data);
  edit e = {{0}, ps_raw(chunk), false};
  ps_buf waiting = {0};
  ps_append(&waiting, state);
  for (ps_walk w = ps_items(ps_member(chunk, "choices")); ps_next(&w);) choice(&e, &waiting, w.value);
  if (!e.changed) return true;
  ps_append(&e.out, e.rest);
  ps_append_state(out, ps_held(&waiting));
  ps_append_line(out, ps_held(&e.out));
  return true;
}
PS_HOOK(normalise_event, event)
