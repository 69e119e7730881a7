// @name@ is a Penstock router: it ranks a model's targets by what the request would cost
// there, cheapest first.
import { call, insertRank, readRoute, reject, Span, TargetFlag } from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_route_flat(ptr: usize, len: usize): u64 { return call(rank, ptr, len); }

// How long an answer to expect, in tokens, when the caller gives no bound.
const DEFAULT_OUTPUT: f64 = 500;

// Appends the ranking. Targets that it leaves out come behind the others.
function rank(input: Span): void {
  const r = readRoute(input);
  if (!r) return reject(500, "the input is not a route");
  const output = r.maxOutput ? <f64>r.maxOutput : DEFAULT_OUTPUT;
  const usable = TargetFlag.Healthy | TargetFlag.Priced;
  for (let k: u32 = 0; k < r.size; k++) {
    const t = r.target(k);
    if ((t.flags & usable) != usable) continue;
    // Prices are in nano-USD per million tokens; a higher score is better.
    insertRank(t.index, 0, -(<f64>r.estInput * <f64>t.priceIn + output * <f64>t.priceOut) / 1000000);
  }
}
