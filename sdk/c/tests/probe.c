// Probe: a plugin for the gateway's tests, which uses what the examples do not.
#include "penstock.h"

static void write(ps_json v, ps_buf *out) {
  ps_buf text = {0};
  double x;
  int64_t n;
  ps_push(out, out->len ? ',' : '[');
  if (ps_text_of(v, &text)) ps_append_text(out, ps_held(&text));
  else if (ps_whole(v, &n)) ps_append_whole(out, n);
  else if (ps_number(v, &x)) ps_append_number(out, x);
  else ps_append(out, ps_raw(v));
}

// Reads a list, or an object's values, and writes them as a list by way of what they mean.
static bool again(ps_text input, ps_buf *out) {
  ps_json list = ps_parse(input);
  bool found = false;
  for (ps_walk w = ps_items(list); ps_next(&w);) write(w.value, out);
  for (ps_walk w = ps_members(list); ps_next(&w);) {
    found = found || ps_is(w.name, "x");
    write(w.value, out);
  }
  if (found != (ps_kind(ps_member(list, "x")) != PS_MISSING)) return ps_reject(500, PS("x"));
  ps_append(out, out->len ? PS("]") : PS("[]"));
  return true;
}
PS_HOOK(route, again)

// Writes what a flat route has that version 1.0 of the contract did not have.
static bool known(ps_text input, ps_buf *out) {
  const ps_route *r = ps_read_route(input);
  if (!r) return ps_reject(500, PS("the header does not fit"));
  ps_text text = {0};
  ps_push(out, '[');
  ps_append_text(out, ps_session(r, &text) ? text : PS(""));
  ps_push(out, ',');
  ps_append_text(out, ps_last_user_text(r, &text) ? text : PS(""));
  ps_push(out, ',');
  ps_append_text(out, ps_class(r, &text) ? text : PS(""));
  const char *names[] = {"app", "none"};
  for (int k = 0; k < 2; k++) {
    ps_push(out, ',');
    if (ps_tag(r, names[k], &text)) ps_append_text(out, text);
    else ps_append(out, PS("null"));
  }
  for (uint32_t k = 0; k < r->len; k++) {
    const ps_figures *f = ps_figures_at(r, k);
    int64_t wholes[] = {ps_target_at(r, k)->cached_prefix, f->est_cost, (int64_t)(f->sticky >> 32), (uint32_t)f->sticky,
                        ps_max_inflight_at(r, k), ps_expected_output_at(r, k)};
    double numbers[] = {f->ttft_p50_ms, f->ttft_p95_ms, f->samples, f->requests_left, f->tokens_left};
    for (int n = 0; n < 6; n++) ps_push(out, ','), ps_append_whole(out, wholes[n]);
    for (int n = 0; n < 5; n++) ps_push(out, ','), ps_append_number(out, numbers[n]);
  }
  ps_push(out, ']');
  return true;
}
PS_HOOK(route_flat, known)

// Ranks by a list of scores; every second one is dropped.
static bool rank(ps_text input, ps_buf *out) {
  uint32_t k = 0;
  for (ps_walk w = ps_items(ps_parse(input)); ps_next(&w); k++) {
    double score = 0;
    ps_number(w.value, &score);
    ps_insert_rank(out, k, k % 2 * PS_DROP, score);
  }
  if (k) ps_append_term(out, 0, PS_TERM_LATENCY, 0.5); // which JSON has no place for
  ps_ranking_json(out, PS("the \"odd\" ones are dropped"));
  return true;
}
PS_HOOK(accept_request, rank)

// Ranks by a list of scores, each with a term.
static bool terms(ps_text input, ps_buf *out) {
  uint32_t k = 0;
  for (ps_walk w = ps_items(ps_parse(input)); ps_next(&w); k++) {
    double score = 0;
    ps_number(w.value, &score);
    ps_append_rank(out, k, 0, score);
    ps_append_term(out, k, PS_TERM_LATENCY, -score);
  }
  return true;
}
PS_HOOK(render_response, terms)

// Calls the host's functions.
static bool host(ps_text input, ps_buf *out) {
  ps_log(PS_INFO, input);
  ps_metric_add(PS("calls"), 1);
  ps_kv_get(PS("key"), out);
  ps_push(out, ' ');
  ps_append_whole(out, ps_now_ms());
  if (ps_random_u64() == ps_random_u64()) return ps_reject(500, PS("the random numbers are the same"));
  return ps_kv_set(PS("key"), input, 60) || ps_reject(500, PS("the store is full"));
}
PS_HOOK(transform_request, host)
