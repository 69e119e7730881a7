// Part of penstock.h: the flat routing record, and the frames of event hooks.

// What remaining_requests and remaining_tokens are when nobody knows.
#define PS_UNLIMITED UINT32_MAX
// The flag of a target in an answer that must not be tried at all.
#define PS_DROP 1
// The most state that an event hook may leave, in bytes.
#define PS_MAX_STATE (64 << 10)

// The terms of a score. Costs, lost cache and gain are in US dollars, the latency is in ms, the others
// are shares. A part is what a term adds to the score; lost cache is what a session would lose if it left
// the target, gain what it would gain at the best other one.
enum {
  PS_TERM_COST = 1, PS_TERM_QUALITY, PS_TERM_LATENCY, PS_TERM_ERROR_RATE, PS_TERM_LOAD, PS_TERM_COST_PART,
  PS_TERM_QUALITY_PART, PS_TERM_LATENCY_PART, PS_TERM_ERRORS_PART, PS_TERM_LOST_CACHE, PS_TERM_GAIN
};
// Marks an entry of an answer that explains a score.
#define PS_IS_TERM 2

// Flags of a route, and of a target.
enum { PS_STREAM = 1, PS_NEEDS_TOOLS = 2, PS_NEEDS_VISION = 4 };
enum { PS_HEALTHY = 1, PS_PRICED = 2, PS_FALLBACK = 4, PS_CONTEXT_KNOWN = 8 };

// A candidate, laid out as its record.
typedef struct {
  uint32_t index, flags;                    // the index names it in the answer
  int64_t price_in, price_out, price_cached; // nano-USD per million tokens; nothing unless PS_PRICED
  uint32_t context, inflight;               // tokens, requests
  double quality;                           // 0 to 1, NaN when unknown
  double ttft_ms, tps;                      // time to the first token; output tokens per second; 0 when unknown
  double error_rate, weight;
  int32_t order;
  uint32_t remaining_requests, remaining_tokens; // may be PS_UNLIMITED
  uint32_t cached_prefix;                   // tokens of the prompt that are probably cached there, 0 when unknown
} ps_target;

// What version 1.1 of the contract has added to a record.
typedef struct {
  int64_t est_cost;                         // an upper bound of what the request costs, nano-USD, negative when unknown
  double ttft_p50_ms, ttft_p95_ms;          // median and 95th percentile of the time to the first token, 0 when unknown
  double samples;                           // recent attempts
  double requests_left, tokens_left;        // of the provider's limits, 0 to 1, negative when unknown
  uint64_t sticky;                          // a hash of session and target, 0 without a session; ranking by it keeps sessions at their targets
} ps_figures;

// The header of a flat input, in which est_input is an upper estimate of the prompt and
// max_output the client's bound on the answer, in tokens, 0 when it gave none.
typedef struct {
  uint16_t version, record_size;
  uint32_t len, est_input, max_output, flags, text_offset, text_len, request_offset;
} ps_route;

static inline uint32_t ps_u32(const uint8_t *at) {
  uint32_t n;
  __builtin_memcpy(&n, at, 4);
  return n;
}

// Checks a flat input; NULL for another version, or less than the header promises.
static inline const ps_route *ps_read_route(ps_text input) {
  const ps_route *r = (const ps_route *)input.at;
  if (input.len < sizeof *r || r->version != 1 || r->record_size < sizeof(ps_target) || r->record_size % 8) return NULL;
  uint64_t records = sizeof *r + (uint64_t)r->len * r->record_size, text = (uint64_t)r->text_offset + r->text_len;
  uint64_t texts = r->request_offset ? (uint64_t)r->request_offset + 4 : 0;
  if (texts && texts <= input.len) texts += ps_u32(input.at + r->request_offset);
  return records <= input.len && text <= input.len && texts <= input.len ? r : NULL;
}

// The k-th candidate, k < r->len. It lies in the input.
static inline const ps_target *ps_target_at(const ps_route *r, uint32_t k) {
  return (const ps_target *)((const uint8_t *)(r + 1) + (size_t)k * r->record_size);
}

// More of the k-th candidate, k < r->len. A gateway of version 1.0 leaves all of it unknown.
static inline const ps_figures *ps_figures_at(const ps_route *r, uint32_t k) {
  static const ps_figures unknown = {.est_cost = -1, .requests_left = -1, .tokens_left = -1};
  return r->record_size < sizeof(ps_target) + sizeof unknown ? &unknown : (const ps_figures *)(ps_target_at(r, k) + 1);
}

// A number behind the k-th candidate's figures, k < r->len; 0 when the host sends none.
static inline uint32_t ps_field_at(const ps_route *r, uint32_t k, uint32_t n) {
  size_t at = sizeof(ps_target) + sizeof(ps_figures) + 4 * (size_t)n;
  return r->record_size < at + 4 ? 0 : ps_u32((const uint8_t *)ps_target_at(r, k) + at);
}

// How many requests the k-th candidate takes at once, k < r->len; 0 means any number, or that the
// gateway does not say.
static inline uint32_t ps_max_inflight_at(const ps_route *r, uint32_t k) { return ps_field_at(r, k, 0); }
// How many output tokens the k-th candidate's reply will probably have, k < r->len; 0 means unknown.
static inline uint32_t ps_expected_output_at(const ps_route *r, uint32_t k) { return ps_field_at(r, k, 1); }

static inline bool ps_same(ps_text a, const char *b) {
  size_t n = 0;
  while (n < a.len && b[n] && a.at[n] == (uint8_t)b[n]) n++;
  return n == a.len && !b[n];
}

// Finds the first of the request's texts of a kind: 1 is the session, 2 the name of a tag, 3
// its value, which comes next, 4 the last user text, 5 the class.
PS_FUNCTION bool ps_text_at(const ps_route *r, uint32_t kind, const char *tag, ps_text *value) {
  if (!r->request_offset) return false;
  const uint8_t *p = (const uint8_t *)r + r->request_offset + 4, *end = p + ps_u32(p - 4);
  for (bool named = kind != 3; end - p >= 8;) {
    ps_text text = {p + 8, ps_u32(p + 4)};
    uint32_t own = ps_u32(p);
    if (text.len > (size_t)(end - text.at)) return false;
    if (own == 2 && kind == 3) named = ps_same(text, tag);
    if (own == kind && named) return *value = text, true;
    p = text.at + text.len;
  }
  return false;
}

// Finds what the consecutive requests of an agent share. Like the other texts, the manifest has
// to name it in its reads.
static inline bool ps_session(const ps_route *r, ps_text *value) { return ps_text_at(r, 1, "", value); }
// Finds the value of a tag.
static inline bool ps_tag(const ps_route *r, const char *name, ps_text *value) { return ps_text_at(r, 3, name, value); }
// Finds the text of the last message of the user that has any, at most 8 KiB. Grant: read:messages.
static inline bool ps_last_user_text(const ps_route *r, ps_text *value) { return ps_text_at(r, 4, "", value); }
// Finds the label that a classifier endpoint has given the request, at most 64 bytes.
static inline bool ps_class(const ps_route *r, ps_text *value) { return ps_text_at(r, 5, "", value); }

// Finds the route's setting of this name, as it is spelled; names that nest are joined by
// dots. The seed is one of them.
PS_FUNCTION bool ps_setting(const ps_route *r, const char *name, ps_text *value) {
  const uint8_t *p = (const uint8_t *)r + r->text_offset, *end = p + r->text_len;
  while (p < end && *p++ != '\n') {} // the strategy's name
  for (const uint8_t *line = p; line < end; line = p + 1) {
    const char *n = name;
    for (p = line; p < end && *n && *p == (uint8_t)*n; p++) n++;
    bool found = !*n && p < end && *p == '=';
    for (line = p + 1; p < end && *p != '\n';) p++;
    if (found) return *value = (ps_text){line, p - line}, true;
  }
  return false;
}

// An entry of a flat answer.
typedef struct { uint32_t index, flags; double score; } ps_rank;

// Appends a target to a flat answer, best first. The score must not be NaN.
static inline void ps_append_rank(ps_buf *b, uint32_t index, uint32_t flags, double score) {
  ps_rank rank = {index, flags, score};
  ps_append(b, (ps_text){(const uint8_t *)&rank, sizeof rank});
}

// Appends one term of a target's score to a flat answer, for explanations. It does not rank the target.
// The value must be finite.
static inline void ps_append_term(ps_buf *b, uint32_t index, uint32_t term, double value) {
  ps_append_rank(b, index, PS_IS_TERM | term << 8, value);
}

// Puts a target in its place in an answer of such: higher scores come first, equal ones by
// index.
PS_FUNCTION void ps_insert_rank(ps_buf *b, uint32_t index, uint32_t flags, double score) {
  ps_append_rank(b, index, flags, score);
  if (b->full) return;
  size_t k = b->len / sizeof(ps_rank) - 1;
  ps_rank *r = (ps_rank *)b->at, last = r[k];
  for (; k > 0 && (r[k - 1].score < score || (r[k - 1].score == score && r[k - 1].index > index)); k--) r[k] = r[k - 1];
  r[k] = last;
}

// Splits an event hook's input into the state that the event before left and the payload,
// or reports that it is cut short.
static inline bool ps_split_frame(ps_text input, ps_text *state, ps_text *payload) {
  uint32_t n;
  if (input.len < 4) return false;
  __builtin_memcpy(&n, input.at, 4);
  if (n > input.len - 4) return false;
  *state = (ps_text){input.at + 4, n};
  *payload = (ps_text){input.at + 4 + n, input.len - 4 - n};
  return true;
}

// Splits a payload into an event's name and its data.
static inline void ps_split_event(ps_text payload, ps_text *name, ps_text *data) {
  size_t n = 0;
  while (n < payload.len && payload.at[n] != '\n') n++;
  *name = (ps_text){payload.at, n};
  n += n < payload.len;
  *data = (ps_text){payload.at + n, payload.len - n};
}

// Begins an event hook's answer with the state for the next event, at most 64 KiB.
static inline void ps_append_state(ps_buf *b, ps_text state) {
  uint32_t n = state.len;
  ps_append(b, (ps_text){(const uint8_t *)&n, 4});
  ps_append(b, state);
}

// Appends a line of the payload behind the state.
static inline void ps_append_line(ps_buf *b, ps_text line) {
  ps_text state, payload;
  if (ps_split_frame(ps_held(b), &state, &payload) && payload.len) ps_push(b, '\n');
  ps_append(b, line);
}

// Appends the items of a list of those targets that are dropped, or of the others.
PS_FUNCTION void ps_append_ranks(ps_buf *b, ps_text ranks, uint32_t dropped) {
  bool comma = false;
  for (const ps_rank *r = (const ps_rank *)ranks.at, *end = r + ranks.len / sizeof *r; r < end; r++) {
    if (r->flags & PS_IS_TERM || (r->flags & PS_DROP) != dropped) continue;
    if (comma) ps_push(b, ',');
    comma = true;
    if (!dropped) ps_append(b, PS("{\"i\":"));
    ps_append_whole(b, r->index);
    if (dropped) continue;
    ps_append(b, PS(",\"score\":"));
    ps_append_number(b, r->score);
    ps_push(b, '}');
  }
}

// Turns a flat answer, whose scores must be finite, into the JSON one, with the reason why
// in one line. One without targets stays empty: no opinion.
PS_FUNCTION void ps_ranking_json(ps_buf *b, ps_text reason) {
  ps_buf ranks = {0};
  if (!b->len) return;
  ps_append(&ranks, ps_held(b));
  b->len = 0;
  ps_append(b, PS("{\"ranking\":["));
  ps_append_ranks(b, ps_held(&ranks), 0);
  ps_append(b, PS("],\"drop\":["));
  ps_append_ranks(b, ps_held(&ranks), PS_DROP);
  ps_append(b, PS("],\"reason\":"));
  ps_append_text(b, reason);
  ps_push(b, '}');
}
