// @name@ is a Penstock router: it ranks a model's targets by what the request would cost
// there, cheapest first.
#include "penstock.h"

// How long an answer to expect, in tokens, when the caller gives no bound, and how many
// targets are ranked; further ones come behind them.
enum { DEFAULT_OUTPUT = 500, MOST = 256 };

typedef struct { uint32_t index; double cost; } offer;

static bool rank(ps_text input, ps_buf *out) {
  const ps_route *route = ps_read_route(input);
  if (!route) return ps_reject(500, PS("the input is not a route"));
  double output = route->max_output ? route->max_output : DEFAULT_OUTPUT;
  offer offers[MOST];
  size_t n = 0;
  for (uint32_t k = 0; k < route->len && n < MOST; k++) {
    const ps_target *t = ps_target_at(route, k);
    if (~t->flags & (PS_HEALTHY | PS_PRICED)) continue;
    // Prices are in nano-USD per million tokens.
    offer o = {t->index, ((double)route->est_input * t->price_in + output * t->price_out) / 1e6};
    size_t at = n++;
    for (; at > 0 && offers[at - 1].cost > o.cost; at--) offers[at] = offers[at - 1];
    offers[at] = o;
  }
  for (size_t k = 0; k < n; k++) ps_append_rank(out, offers[k].index, 0, -offers[k].cost); // a higher score is better
  return true;
}
PS_HOOK(route_flat, rank)
