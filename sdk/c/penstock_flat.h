// Part of penstock.h: the flat routing record, and the frames of event hooks.

// What remaining_requests and remaining_tokens are when nobody knows.
#define PS_UNLIMITED UINT32_MAX
// The flag of a target in an answer that must not be tried at all.
#define PS_DROP 1
// The most state that an event hook may leave, in bytes.
#define PS_MAX_STATE (64 << 10)

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
  uint32_t cached_prefix;                   // tokens of the prompt that are cached there
} ps_target;

// The header of a flat input, in which est_input is an upper estimate of the prompt and
// max_output the client's bound on the answer, in tokens, 0 when it gave none.
typedef struct {
  uint16_t version, record_size;
  uint32_t len, est_input, max_output, flags, text_offset, text_len, reserved;
} ps_route;

// Checks a flat input; NULL for another version, or less than the header promises.
static inline const ps_route *ps_read_route(ps_text input) {
  const ps_route *r = (const ps_route *)input.at;
  if (input.len < sizeof *r || r->version != 1 || r->record_size < sizeof(ps_target) || r->record_size % 8) return NULL;
  uint64_t records = sizeof *r + (uint64_t)r->len * r->record_size, text = (uint64_t)r->text_offset + r->text_len;
  return records <= input.len && text <= input.len ? r : NULL;
}

// The k-th candidate, k < r->len. It lies in the input.
static inline const ps_target *ps_target_at(const ps_route *r, uint32_t k) {
  return (const ps_target *)((const uint8_t *)(r + 1) + (size_t)k * r->record_size);
}

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
    if ((r->flags & PS_DROP) != dropped) continue;
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
