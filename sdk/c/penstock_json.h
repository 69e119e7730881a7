// Part of penstock.h: JSON, read in place and written.

// A JSON value: a place in a text. Nothing is copied or built, nothing recurses, and nothing
// is checked, since the host vouches for what it sends: text that is not JSON is answered
// with something or other. Behind every text lies a zero byte, which nothing goes past.
typedef const uint8_t *ps_json;

static const uint8_t ps_nothing[16];

// What a value is.
enum { PS_MISSING, PS_NULL, PS_FALSE, PS_TRUE, PS_NUMBER, PS_STRING, PS_LIST, PS_OBJECT };

static inline int ps_kind(ps_json v) {
  static const uint8_t kinds[256] = {['n'] = PS_NULL, ['f'] = PS_FALSE, ['t'] = PS_TRUE, ['"'] = PS_STRING,
    ['['] = PS_LIST, ['{'] = PS_OBJECT, ['-'] = PS_NUMBER, ['0' ... '9'] = PS_NUMBER};
  return kinds[*v];
}

// Whether there is no value, or the value null.
static inline bool ps_null(ps_json v) { return ps_kind(v) <= PS_NULL; }

static inline bool ps_is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

PS_FAST ps_json ps_space(ps_json p) {
  while (*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

// Where the first quote, backslash or control character stands from p. It looks at eight
// bytes at a time: the subtractions leave the highest bit of what is searched for set,
// and perhaps that of a byte behind it, never one before.
PS_FAST ps_json ps_special(ps_json p) {
  const uint64_t ones = 0x0101010101010101;
  for (;; p += 8) {
    uint64_t x, found;
    __builtin_memcpy(&x, p, 8);
    found = ((x - ones * ' ') | ((x ^ ones * '"') - ones) | ((x ^ ones * '\\') - ones)) & ~x & ones << 7;
    if (found) return p + __builtin_ctzll(found) / 8;
  }
}

PS_FAST ps_json ps_pass_string(ps_json p) {
  for (p = ps_special(p + 1); *p == '\\' && p[1]; p = ps_special(p + 2)) {}
  return p + (*p == '"');
}

PS_FUNCTION ps_json ps_pass_nested(ps_json p) {
  for (int depth = 0; *p;) {
    if (*p == '"') {
      p = ps_pass_string(p);
      continue;
    }
    uint8_t c = *p++ | 0x20;
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (depth <= 0) break;
  }
  return p;
}

// Passes a value: where it ends.
PS_FAST ps_json ps_pass(ps_json p) {
  if (*p == '"') return ps_pass_string(p);
  if ((*p | 0x20) == '{') return p == ps_memory.passed ? ps_memory.passed_end : ps_pass_nested(p);
  while (*p >= '+' && *p != ',' && *p != ']' && *p != '}') p++;
  return p;
}

// The value that a text is. One that is not the end of the call's input is copied.
PS_FUNCTION ps_json ps_parse(ps_text text) {
  ps_buf copy = {0};
  ps_memory.passed = NULL; // another text may have lain here
  if ((uintptr_t)text.at + text.len == ps_memory.end) return text.at;
  ps_append(&copy, text);
  ps_append(&copy, (ps_text){ps_nothing, sizeof ps_nothing});
  return copy.full ? ps_nothing : copy.at;
}

// The value as it is spelled, and a string's spelling between its quotes.
static inline ps_text ps_raw(ps_json v) { return (ps_text){v, ps_pass(v) - v}; }
static inline ps_text ps_inside(ps_json v) { return *v == '"' ? (ps_text){v + 1, ps_pass(v) - v - 2} : PS(""); }

// A walk through the members of an object, which have a name and a value, or through the
// items of a list:
//
//     for (ps_walk w = ps_members(v); ps_next(&w);) … w.name … w.value …
typedef struct { ps_json whole, name, value; } ps_walk;
static inline ps_walk ps_members(ps_json v) { return (ps_walk){*v == '{' ? v : ps_nothing, NULL, NULL}; }
static inline ps_walk ps_items(ps_json v) { return (ps_walk){*v == '[' ? v : ps_nothing, NULL, NULL}; }

// Steps to the next value and reports whether there is one. It remembers where the
// brackets end, so that what is around them need not look for their end again.
PS_FAST bool ps_next(ps_walk *w) {
  if (!*w->whole) return false;
  ps_json p = ps_space(w->value ? ps_pass(w->value) : w->whole + 1);
  if (*p == *w->whole + 2) return ps_memory.passed = w->whole, ps_memory.passed_end = p + 1, false;
  if (w->value && *p != ',') return false;
  w->name = p = w->value ? ps_space(p + 1) : p;
  if (*w->whole == '{') p = ps_space(ps_pass_string(p)), p = ps_space(p + (*p == ':'));
  return *(w->value = p);
}

// Four hexadecimal digits.
PS_FUNCTION uint32_t ps_hex(ps_json p) {
  uint32_t n = 0;
  for (int k = 0; k < 4 && p[k]; k++) n = n << 4 | ((p[k] & 15) + (p[k] >> 6) * 9);
  return n;
}

// Passes an escape and says what it stands for: U+FFFD if that is half a surrogate pair.
PS_FUNCTION ps_json ps_escape(ps_json p, uint32_t *c) {
  static const char names[] = "bfnrt", stands[] = "\b\f\n\r\t";
  *c = p[1];
  for (int k = 0; k < 5; k++)
    if (p[1] == names[k]) *c = stands[k];
  if (*c != 'u') return p + (p[1] ? 2 : 1);
  *c = ps_hex(p + 2);
  if (*c >> 11 != 0xd800 >> 11) return p + 6;
  uint32_t low = *c < 0xdc00 && p[6] == '\\' && p[7] == 'u' ? ps_hex(p + 8) : 0;
  bool pair = low >> 10 == 0xdc00 >> 10;
  *c = pair ? 0x10000 + ((*c & 0x3ff) << 10 | (low & 0x3ff)) : 0xfffd;
  return p + (pair ? 12 : 6);
}

// Appends a string, decoded, and reports whether this is one.
PS_FUNCTION bool ps_text_of(ps_json v, ps_buf *into) {
  uint32_t c;
  if (*v++ != '"') return false;
  for (;;) {
    ps_json run = ps_special(v);
    ps_append(into, (ps_text){v, run - v});
    if (*run != '\\') return true;
    v = ps_escape(run, &c);
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; // bytes in UTF-8 behind the first
    ps_push(into, more ? 0xf0 << (3 - more) | c >> 6 * more : c);
    while (more--) ps_push(into, 0x80 | (c >> 6 * more & 0x3f));
  }
}

PS_FAST bool ps_equals(ps_json v, const char *text) {
  ps_buf decoded = {0};
  size_t n = 0;
  while (text[n] && v[n + 1] == (uint8_t)text[n] && v[n + 1] != '"' && v[n + 1] != '\\') n++;
  if (*v != '"' || v[n + 1] != '\\') return *v == '"' && v[n + 1] == '"' && !text[n];
  for (n = 0, ps_text_of(v, &decoded); n < decoded.len && text[n] && decoded.at[n] == (uint8_t)text[n];) n++;
  return ps_free(&decoded), n == decoded.len && !text[n];
}

// Whether this is the string. Most are told by their first letter.
PS_FAST bool ps_is(ps_json v, const char *text) {
  return (v[1] == (uint8_t)*text || v[1] == '\\' || !*text) && ps_equals(v, text);
}

// The first member of an object with this name, or a missing value.
static inline ps_json ps_member(ps_json v, const char *name) {
  for (ps_walk w = ps_members(v); ps_next(&w);)
    if (ps_is(w.name, name)) return w.value;
  return ps_nothing;
}

// The operator's settings for the plugin, if it has a PS_INIT.
static inline ps_json ps_config(void) { return ps_member(ps_parse(ps_memory.config), "config"); }

// m × 10^e with m below 10^18, within a unit or two of the last place.
PS_FUNCTION double ps_scale(uint64_t m, int e) {
  int shift = 0;
  if (!m || e < -400) return 0;
  for (e = e < 400 ? e : 400; e > 0; e--, m *= 10)
    for (; m >> 60; shift++) m = (m >> 1) + (m & 1);
  for (; e < 0; e++, m = m / 10 + (m % 10 > 4))
    for (; !(m >> 63); shift--) m <<= 1;
  union { uint64_t bits; double x; } half = {(uint64_t)(shift / 2 + 1023) << 52}, other = {(uint64_t)(shift - shift / 2 + 1023) << 52};
  return m * half.x * other.x;
}

// Whether a number may end before this.
static inline bool ps_ends(uint8_t c) { return c <= ' ' || c == ',' || (c | 0x20) == '}'; }

// Reads a number, and reports whether this is one; one that is too large is infinite.
PS_FUNCTION bool ps_number(ps_json v, double *x) {
  uint64_t m = 0;
  int e = 0, power = 0, point = 0;
  bool minus = *v == '-', down = false;
  ps_json p = v + minus, digits = p;
  for (; ps_is_digit(*p) || (*p == '.' && !point && p > digits); p++) {
    if (*p == '.') point = 1;
    else if (m < 100000000000000000) m = m * 10 + (*p - '0'), e -= point;
    else e += 1 - point; // more digits than count
  }
  bool some = p > digits;
  if ((*p | 0x20) == 'e' && some) {
    down = *++p == '-';
    for (p += down || *p == '+'; ps_is_digit(*p); p++) power = power < 100000 ? power * 10 + (*p - '0') : power;
  }
  if (!some || !ps_ends(*p)) return false;
  e += down ? -power : power;
  *x = (minus ? -1 : 1) * (e ? ps_scale(m, e) : m);
  return true;
}

// Reads a whole number without a dot or an exponent.
PS_FUNCTION bool ps_whole(ps_json v, int64_t *n) {
  uint64_t minus = *v == '-', most = INT64_MAX + minus, size = 0;
  ps_json p = v + minus;
  for (; ps_is_digit(*p) && size <= (most - (*p - '0')) / 10; p++) size = size * 10 + (*p - '0');
  *n = minus ? -size : size;
  return p > v + minus && ps_ends(*p);
}

// Appends text, which is UTF-8, as a JSON string, or as the inside of one: escaped as far as
// JSON requires.
PS_FUNCTION void ps_append_inside(ps_buf *b, ps_text text) {
  const uint8_t *p = text.at, *end = p + text.len, *run = p;
  for (; p < end; p++) {
    if (*p >= ' ' && *p != '"' && *p != '\\') continue;
    ps_append(b, (ps_text){run, p - run});
    ps_push(b, '\\');
    if (*p >= ' ') ps_push(b, *p);
    else if (*p == '\n') ps_push(b, 'n');
    else ps_append(b, PS("u00")), ps_push(b, '0' + (*p >> 4)), ps_push(b, "0123456789abcdef"[*p & 15]);
    run = p + 1;
  }
  ps_append(b, (ps_text){run, end - run});
}

static inline void ps_append_text(ps_buf *b, ps_text text) { ps_push(b, '"'), ps_append_inside(b, text), ps_push(b, '"'); }

// Appends a whole number.
PS_FUNCTION void ps_append_whole(ps_buf *b, int64_t n) {
  uint8_t digits[20], *at = digits + 20;
  uint64_t rest = n < 0 ? -(uint64_t)n : n;
  do *--at = '0' + rest % 10; while (rest /= 10);
  if (n < 0) *--at = '-';
  ps_append(b, (ps_text){at, digits + 20 - at});
}

// Appends a number, without a dot if it is whole, with as many digits as it has if those
// are 15 or less, else with 17; null for infinities and NaN.
PS_FUNCTION void ps_append_number(ps_buf *b, double x) {
  union { double x; uint64_t bits; } size = {__builtin_fabs(x)};
  if (!(size.x < __builtin_inf())) return ps_append(b, PS("null"));
  if (x < 0) ps_push(b, '-');
  int64_t scale = 1;
  for (int k = 0; k < 16 && size.x * scale < 9e15; k++, scale *= 10) {
    int64_t digits = size.x * scale + 0.5;
    if ((double)digits / scale != size.x) continue;
    ps_append_whole(b, digits / scale);
    size_t dot = b->len;
    if (k) ps_append_whole(b, digits % scale + scale); // a 1, and the k digits behind the dot
    if (k && !b->full) b->at[dot] = '.';
    return;
  }
  int e = size.bits >> 52, power = 0;
  uint64_t m = (size.bits & ~0ull >> 12) | (uint64_t)(e > 0) << 52;
  for (e -= e ? 1075 : 1074; e < 0;) { // m × 2^e × 10^power stays the same
    if (m >> 60) m = (m >> 1) + (m & 1), e++;
    else m *= 10, power--;
  }
  for (; e > 0; e--, m <<= 1)
    if (m >> 63) m = m / 10 + (m % 10 > 4), power++;
  for (; m >= 100000000000000000 || m % 10 == 0; power++) m = m / 10 + (m % 10 > 4);
  ps_append_whole(b, m);
  if (power) ps_push(b, 'e'), ps_append_whole(b, power);
}
