// @name@ is a Penstock router: it ranks a model's targets by what the request would cost
// there, cheapest first.
#include "penstock.h"

// How long an answer to expect, in tokens, when the caller gives no bound.
enum { DEFAULT_OUTPUT = 500 };

static bool rank(ps_text input, ps_buf *out) {
  const ps_route *route = ps_read_route(input);
  if (!route) return ps_reject(500, PS("the input is not a route"));
  double output = route->max_output ? route->max_output : DEFAULT_OUTPUT;
  for (uint32_t k = 0; k < route->len; k++) {
    const ps_target *t = ps_target_at(route, k);
    if (~t->flags & (PS_HEALTHY | PS_PRICED)) continue;
    // Prices are in nano-USD per million tokens; a higher score is better.
    double cost = ((double)route->est_input * t->price_in + output * t->price_out) / 1e6;
    ps_insert_rank(out, t->index, 0, -cost);
  }
  return true;
}
PS_HOOK(route_flat, rank)
