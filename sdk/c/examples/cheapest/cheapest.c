// Cheapest: ranks the candidates by what the request would cost there. Those that are
// unhealthy or lack a price are left out; the gateway puts the healthy ones behind.
//
// Setting on the route: output_tokens, how long an answer to expect (500).
#include "penstock.h"

static bool output_tokens(ps_json setting, double *n) {
  if (ps_number(setting, n) && *n >= 0) return true;
  return ps_reject(400, PS("output_tokens must be a number that is not negative"));
}

// What a candidate costs per million tokens; it is left out unless all of it is known.
typedef struct { double in, out; int64_t index; } price;

static bool read_candidate(ps_json candidate, price *c) {
  bool index = false, in = false, out = false, healthy = false;
  for (ps_walk w = ps_members(candidate); ps_next(&w);) {
    if (ps_is(w.name, "i")) index = ps_whole(w.value, &c->index) && (uint64_t)c->index <= UINT32_MAX;
    else if (ps_is(w.name, "price_in")) in = ps_number(w.value, &c->in);
    else if (ps_is(w.name, "price_out")) out = ps_number(w.value, &c->out);
    else if (ps_is(w.name, "healthy")) healthy = ps_kind(w.value) == PS_TRUE;
  }
  return index && in && out && healthy;
}

static bool rank(ps_text input, ps_buf *out) {
  ps_json request = ps_parse(input), with = ps_nothing;
  ps_buf prices = {0};
  double prompt = 0, most = __builtin_inf(), answer = 500;
  price c;
  for (ps_walk w = ps_members(request); ps_next(&w);) {
    if (ps_is(w.name, "est_input_tokens")) ps_number(w.value, &prompt);
    else if (ps_is(w.name, "max_tokens")) ps_number(w.value, &most);
    else if (ps_is(w.name, "with")) with = w.value;
    else if (ps_is(w.name, "candidates"))
      for (ps_walk i = ps_items(w.value); ps_next(&i);)
        if (read_candidate(i.value, &c)) ps_append(&prices, (ps_text){(uint8_t *)&c, sizeof c});
  }
  ps_json setting = ps_member(with, "output_tokens");
  if (!ps_null(setting) && !output_tokens(setting, &answer)) return false;
  if (most < answer) answer = most;
  for (size_t k = 0; k < prices.len / sizeof c; k++) {
    c = ((price *)prices.at)[k];
    ps_insert_rank(out, c.index, 0, 0 - (prompt * c.in + answer * c.out) / 1e6);
  }
  ps_ranking_json(out, PS("cheapest"));
  return true;
}
PS_HOOK(route, rank)

static bool rank_flat(ps_text input, ps_buf *out) {
  const ps_route *route = ps_read_route(input);
  double answer = 500;
  ps_text setting;
  if (!route) return ps_reject(500, PS("the header does not fit"));
  if (ps_setting(route, "output_tokens", &setting)) {
    if (!output_tokens(ps_parse(setting), &answer)) return false;
  }
  if (route->max_output && route->max_output < answer) answer = route->max_output;
  for (uint32_t k = 0; k < route->len; k++) {
    const ps_target *t = ps_target_at(route, k);
    if (~t->flags & (PS_HEALTHY | PS_PRICED)) continue;
    ps_insert_rank(out, t->index, 0, 0 - ((double)route->est_input * t->price_in + answer * t->price_out) / 1e6);
  }
  return true;
}
PS_HOOK(route_flat, rank_flat)
