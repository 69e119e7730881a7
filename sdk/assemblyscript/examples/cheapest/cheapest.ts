// A router that ranks targets by what the request would cost there, cheapest first.
import {
  call, insertRank, is, items, Json, Kind, kind, member, members, next, number,
  rankingJson, readRoute, reject, Span, TargetFlag, value, whole,
} from "penstock";

export { penstock_abi_version, penstock_alloc } from "penstock";

export function penstock_route(ptr: usize, len: usize): u64 { return call(route, ptr, len); }
export function penstock_route_flat(ptr: usize, len: usize): u64 { return call(routeFlat, ptr, len); }

// A candidate that can be ranked. Prices are in nano-USD per million tokens.
class Offer {
  index: u32 = 0;
  priceIn: f64 = NaN;
  priceOut: f64 = NaN;
}

// How long an answer to expect, in tokens, with the setting as the text of a number (500 without
// one), but no more than the bound; NaN when it is rejected.
function expected(setting: Span, bound: f64): f64 {
  const n: f64 = !setting || kind(setting) == Kind.Null ? 500 : number(setting);
  if (n >= 0) return min(n, bound);
  reject(400, "output_tokens must be a number that is not negative");
  return NaN;
}

// What a request costs in nano-USD.
function cost(prompt: f64, priceIn: f64, answer: f64, priceOut: f64): f64 {
  return (prompt * priceIn + answer * priceOut) / 1000000;
}

function route(input: Json): void {
  const offers: Offer[] = [];
  let prompt: f64 = 0, bound: f64 = Infinity, setting: Span = 0;
  for (let m = members(input), v: Json = 0; m; m = next(input, v)) {
    v = value(m);
    if (is(m, "est_input_tokens")) prompt = number(v);
    else if (is(m, "max_tokens") && kind(v) == Kind.Number) bound = number(v);
    else if (is(m, "with")) setting = member(v, "output_tokens");
    else if (is(m, "candidates")) {
      for (let c = items(v); c; c = next(v, c)) consider(c, offers);
    }
  }
  const answer = expected(setting, bound);
  if (isNaN(answer) || !offers.length) return;
  for (let k = 0; k < offers.length; k++) {
    const o = offers[k];
    insertRank(o.index, 0, -cost(prompt, o.priceIn, answer, o.priceOut));
  }
  rankingJson("cheapest");
}

// Adds a candidate to the offers if it is healthy and its prices are known.
function consider(candidate: Json, offers: Offer[]): void {
  const o = new Offer();
  let healthy = false, index: i64 = -1;
  for (let m = members(candidate), v: Json = 0; m; m = next(candidate, v)) {
    v = value(m);
    if (is(m, "i")) index = whole(v, -1);
    else if (is(m, "price_in")) o.priceIn = number(v);
    else if (is(m, "price_out")) o.priceOut = number(v);
    else if (is(m, "healthy")) healthy = kind(v) == Kind.True;
  }
  o.index = <u32>index;
  if (healthy && o.index == index && !isNaN(o.priceIn + o.priceOut)) offers.push(o);
}

function routeFlat(input: Span): void {
  const r = readRoute(input);
  if (!r) return reject(500, "malformed route");
  const answer = expected(r.setting("output_tokens"), r.maxOutput ? <f64>r.maxOutput : Infinity);
  if (isNaN(answer)) return;
  for (let k: u32 = 0, usable = TargetFlag.Healthy | TargetFlag.Priced; k < r.size; k++) {
    const t = r.target(k);
    if ((t.flags & usable) == usable) insertRank(t.index, 0, -cost(r.estInput, <f64>t.priceIn, answer, <f64>t.priceOut));
  }
}
