// Part of penstock.h: JSON, read in place and written.

// A JSON value: a place in a text. Nothing is copied or built, and nothing recurses,
// however deep values nest. It is safe to look into text that is not valid, but what is
// found there means nothing: see ps_valid. Behind every text lies a zero byte, which no
// value goes past, so the end needs no looking after.
typedef const uint8_t *ps_json;

static const uint8_t ps_nothing[16];

// What a value is.
typedef enum { PS_MISSING, PS_NULL, PS_FALSE, PS_TRUE, PS_NUMBER, PS_STRING, PS_LIST, PS_OBJECT } ps_kind;

static inline ps_kind ps_kind_of(ps_json v) {
  static const uint8_t kinds[256] = {['n'] = PS_NULL, ['f'] = PS_FALSE, ['t'] = PS_TRUE, ['"'] = PS_STRING,
    ['['] = PS_LIST, ['{'] = PS_OBJECT, ['-'] = PS_NUMBER, ['0' ... '9'] = PS_NUMBER};
  return kinds[*v];
}

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
    found = ((x - ones * ' ') & ~x) | (((x ^ ones * '"') - ones) & ~(x ^ ones * '"'));
    found = (found | (((x ^ ones * '\\') - ones) & ~(x ^ ones * '\\'))) & ones << 7;
    if (found) return p + __builtin_ctzll(found) / 8;
  }
}

// Four hexadecimal digits, or a negative number.
PS_FUNCTION int32_t ps_hex(ps_json p) {
  int32_t n = 0;
  for (ps_json end = p + 4; p < end; p++) {
    uint32_t letter = (*p | 0x20u) - 'a';
    if (!ps_is_digit(*p) && letter > 5) return -1;
    n = n << 4 | (ps_is_digit(*p) ? *p - '0' : letter + 10);
  }
  return n;
}

// Passes an escape and says what it stands for: U+FFFD if that is half a surrogate pair.
// Like all that pass something it returns NULL if that is not there.
PS_FUNCTION ps_json ps_escape(ps_json p, int32_t *c) {
  static const char names[] = "\"\\/bfnrt", stands[] = "\"\\/\b\f\n\r\t";
  for (int k = 0; k < 8 && *p == '\\'; k++)
    if (p[1] == names[k]) return *c = stands[k], p + 2;
  if (*p != '\\' || p[1] != 'u' || (*c = ps_hex(p + 2)) < 0) return NULL;
  if (*c >> 11 != 0xd800 >> 11) return p + 6;
  int32_t low = *c < 0xdc00 && p[6] == '\\' && p[7] == 'u' ? ps_hex(p + 8) : 0;
  bool pair = low >> 10 == 0xdc00 >> 10;
  *c = pair ? 0x10000 + ((*c & 0x3ff) << 10 | (low & 0x3ff)) : 0xfffd;
  return p + (pair ? 12 : 6);
}

PS_FAST ps_json ps_pass_string(ps_json p) {
  int32_t c;
  for (p = ps_special(p + 1); *p != '"'; p = ps_special(p))
    if (!(p = ps_escape(p, &c))) return NULL;
  return p + 1;
}

PS_FAST ps_json ps_pass_digits(ps_json p) {
  ps_json from = p;
  while (ps_is_digit(*p)) p++;
  return p > from ? p : NULL;
}

PS_FAST ps_json ps_pass_number(ps_json p) {
  p += *p == '-';
  p = *p == '0' ? p + 1 : ps_pass_digits(p);
  if (p && *p == '.') p = ps_pass_digits(p + 1);
  return p && (*p | 0x20) == 'e' ? ps_pass_digits(p + (p[1] == '+' || p[1] == '-' ? 2 : 1)) : p;
}

PS_FAST ps_json ps_pass_word(ps_json p, const char *word) {
  for (; *word && *p == *word; word++) p++;
  return *word ? NULL : p;
}

PS_FAST ps_json ps_pass_scalar(ps_json p) {
  return *p == '"' ? ps_pass_string(p) : *p == 't' ? ps_pass_word(p, "true") : *p == 'f' ? ps_pass_word(p, "false")
    : *p == 'n' ? ps_pass_word(p, "null") : ps_pass_number(p);
}

// Passes the name of a member, the colon, and the space around it.
PS_FAST ps_json ps_pass_name(ps_json p) {
  p = *p == '"' ? ps_pass_string(p) : NULL;
  p = p ? ps_space(p) : ps_nothing;
  return *p == ':' ? ps_space(p + 1) : NULL;
}

// Passes a list or an object, at most 300 deep.
PS_FUNCTION ps_json ps_pass_nested(ps_json p) {
  uint8_t close[301] = {0}, *inner = close; // the brackets to come
  for (bool opens; p; p = *inner == '}' ? ps_pass_name(p) : p) {
    if ((opens = *p == '{' || *p == '[')) {
      if (inner == close + 300) break;
      *++inner = *p + 2;
      p = ps_space(p + 1);
    } else p = (p = ps_pass_scalar(p)) ? ps_space(p) : ps_nothing;
    if (opens && *p != *inner) continue;
    for (; *p == *inner; p = ps_space(p + 1))
      if (--inner == close) return p + 1;
    if (*p != ',') break;
    p = ps_space(p + 1);
  }
  return NULL;
}

PS_FAST ps_json ps_pass(ps_json v) {
  if (*v != '{' && *v != '[') return ps_pass_scalar(v);
  return v == ps_memory.passed ? ps_memory.passed_end : ps_pass_nested(v);
}

// The value that a text is. One that is not the end of the call's input is copied.
PS_FUNCTION ps_json ps_parse(ps_text text) {
  ps_buf copy = {0};
  ps_memory.passed = NULL; // another text may have lain here
  if ((uintptr_t)text.at + text.len == ps_memory.end) return ps_space(text.at);
  ps_append(&copy, text);
  ps_append(&copy, (ps_text){ps_nothing, sizeof ps_nothing});
  return copy.full ? ps_nothing : ps_space(copy.at);
}

// Whether the text is a value and nothing else; a question for a whole text, not for a
// value within. Bytes in strings need not be UTF-8. It costs next to nothing after a walk
// through all of an object or a list.
PS_FUNCTION bool ps_valid(ps_json v) { return (v = ps_pass(v)) && !*ps_space(v); }

// The value as it is spelled.
static inline ps_text ps_raw(ps_json v) {
  ps_json end = ps_pass(v);
  return (ps_text){v, end ? end - v : 0};
}

// A walk through the members of an object, which have a name and a value, or through the
// items of a list:
//
//     for (ps_walk w = ps_members(v); ps_next(&w);) … w.name … w.value …
typedef struct { ps_json whole, name, value; } ps_walk;
static inline ps_walk ps_members(ps_json v) { return (ps_walk){*v == '{' ? v : ps_nothing, NULL, NULL}; }
static inline ps_walk ps_items(ps_json v) { return (ps_walk){*v == '[' ? v : ps_nothing, NULL, NULL}; }

// Steps to the next value and reports whether there is one. It remembers where the
// brackets end, so that what is around them need not look for their end again.
PS_FUNCTION bool ps_next(ps_walk *w) {
  ps_json p = w->value ? ps_pass(w->value) : *w->whole ? w->whole + 1 : NULL;
  if (!p) return false;
  p = ps_space(p);
  if (*p == *w->whole + 2) return ps_memory.passed = w->whole, ps_memory.passed_end = p + 1, false;
  if (w->value && *p != ',') return false;
  w->name = w->value ? ps_space(p + 1) : p;
  return w->value = *w->whole == '{' ? ps_pass_name(w->name) : w->name;
}

// Appends a character as UTF-8.
PS_FUNCTION void ps_append_character(ps_buf *b, int32_t c) {
  int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  ps_push(b, more ? 0xf0 << (3 - more) | c >> 6 * more : c);
  while (more--) ps_push(b, 0x80 | (c >> 6 * more & 0x3f));
}

// Appends a string, decoded, and reports whether this is one.
PS_FUNCTION bool ps_text_of(ps_json v, ps_buf *into) {
  int32_t c;
  if (*v++ != '"') return false;
  for (ps_json run; v; ps_append_character(into, c)) {
    run = ps_special(v);
    ps_append(into, (ps_text){v, run - v});
    if (*run == '"' || !(v = ps_escape(run, &c))) return *run == '"';
  }
  return false;
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

// The member of an object with this name, of several the last, or a missing value.
static inline ps_json ps_member(ps_json v, const char *name) {
  ps_json found = ps_nothing;
  for (ps_walk w = ps_members(v); ps_next(&w);)
    if (ps_is(w.name, name)) found = w.value;
  return found;
}

// The operator's settings for the plugin, if it has a PS_INIT.
static inline ps_json ps_config(void) { return ps_member(ps_parse(ps_memory.config), "config"); }

// How many bytes the character has that begins a text, 0 if it is not UTF-8.
PS_FUNCTION size_t ps_character(ps_text text) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  uint8_t first = *text.at, n = first < 0x80 ? 1 : first < 0xc0 ? 9 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  uint32_t c = first & 0xff >> n;
  if (n > text.len || first > 0xf7) return 0;
  for (size_t k = 1; k < n; c = c << 6 | (text.at[k++] & 0x3f))
    if (text.at[k] >> 6 != 2) return 0;
  return n > 1 && (c < least[n] || c >> 11 == 0xd800 >> 11 || c > 0x10ffff) ? 0 : n;
}

// Appends text as a JSON string: quoted, escaped as far as JSON requires, and U+FFFD for
// each byte that is not UTF-8.
PS_FUNCTION void ps_append_text(ps_buf *b, ps_text text) {
  ps_push(b, '"');
  for (size_t n; text.len; text.at += n, text.len -= n) {
    const uint8_t *p = text.at;
    for (n = 0; n < text.len && p[n] >= ' ' && p[n] < 0x80 && p[n] != '"' && p[n] != '\\';) n++;
    if (n || (n = ps_character(text)) > 1) ps_append(b, (ps_text){p, n});
    else if (!n) n = 1, ps_append(b, PS("\xef\xbf\xbd"));
    else if (*p == '\n') ps_append(b, PS("\\n"));
    else if (*p >= ' ') ps_push(b, '\\'), ps_push(b, *p);
    else ps_append(b, PS("\\u00")), ps_push(b, '0' + (*p >> 4)), ps_push(b, "0123456789abcdef"[*p & 15]);
  }
  ps_push(b, '"');
}
