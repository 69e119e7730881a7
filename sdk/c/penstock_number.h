// Part of penstock.h: numbers, between their text and their value.

// A whole number of any size, the lowest 32 bits first. It has room for the 800 digits
// that can decide how an f64 is rounded, and for a fraction behind them.
typedef struct { uint32_t at[220], n; } ps_big;

// Multiplies by m and adds a.
PS_FUNCTION void ps_big_multiply(ps_big *b, uint32_t m, uint64_t a) {
  for (uint32_t k = 0; k < b->n; k++, a >>= 32) b->at[k] = a += (uint64_t)b->at[k] * m;
  if (a) b->at[b->n++] = a;
}

// Divides by d and returns what remains.
PS_FUNCTION uint32_t ps_big_divide(ps_big *b, uint32_t d) {
  uint64_t rest = 0;
  for (uint32_t k = b->n; k-- > 0; rest %= d) rest = rest << 32 | b->at[k], b->at[k] = rest / d;
  while (b->n && !b->at[b->n - 1]) b->n--;
  return rest;
}

// x × 2^e, -2000 ≤ e ≤ 2000, rounded once.
static inline double ps_scale(double x, int e) {
  union { uint64_t bits; double x; } half = {(uint64_t)(e / 2 + 1023) << 52}, other = {(uint64_t)(e - e / 2 + 1023) << 52};
  return x * half.x * other.x;
}

// The f64 nearest to a valid number of any length.
PS_FUNCTION double ps_decimal(ps_json p) {
  ps_big b = {.n = 0};
  int e = 0, power = 0, minus = *p == '-', point = 0;
  uint64_t rest = 0; // not 0 if b is a little too small
  for (p += minus; ps_is_digit(*p) || *p == '.'; p++) {
    if (*p == '.') point = 1;
    else if (b.n < 84) ps_big_multiply(&b, 10, *p - '0'), e -= point; // some 800 digits
    else rest |= *p - '0', e += 1 - point;
  }
  if ((*p | 0x20) == 'e')
    for (ps_json q = p + 1 + !ps_is_digit(p[1]); ps_is_digit(*q) && power < 100000; q++) power = power * 10 + *q - '0';
  e += p[1] == '-' ? -power : power;
  if (!b.n || e < -1200 || e > 400) return (e > 0 && b.n ? __builtin_inf() : 0) * (minus ? -1 : 1);
  for (; e > 0; e--) ps_big_multiply(&b, 10, 0);
  int words = (-e * 107 >> 10) + 3; // below the point, as many as the divisions take away and two more
  __builtin_memmove(b.at + words, b.at, 4 * b.n);
  __builtin_memset(b.at, 0, 4 * words);
  for (b.n += words; e < 0; e++) rest |= ps_big_divide(&b, 10);
  for (e = -32 * words; !(b.at[b.n - 1] >> 31); e--) ps_big_multiply(&b, 2, 0);
  uint64_t top = (uint64_t)b.at[b.n - 1] << 32 | b.at[b.n - 2];
  for (e += 32 * (b.n -= 2); b.n; ) rest |= b.at[--b.n];
  for (; e < -1076; e++, top >>= 1) rest |= top & 1; // so small that bits are lost
  return ps_scale(top | (rest != 0), e) * (minus ? -1 : 1);
}

// Reads a number, and reports whether this is one that an f64 can hold.
PS_FUNCTION bool ps_number(ps_json v, double *x) {
  uint64_t n = 0;
  ps_json p = v;
  for (; ps_is_digit(*p); p++) n = n * 10 + (*p - '0');
  if (p > v && p - v < 19 && *p != '.' && (*p | 0x20) != 'e') return *x = n, true;
  return ps_pass_number(v) && __builtin_fabs(*x = ps_decimal(v)) < __builtin_inf();
}

// Reads a whole number without a dot or an exponent.
PS_FUNCTION bool ps_whole(ps_json v, int64_t *n) {
  uint64_t minus = *v == '-', most = INT64_MAX + minus, size = 0;
  ps_json p = v + minus, end = ps_pass_number(v);
  for (; ps_is_digit(*p) && size <= (most - (*p - '0')) / 10; p++) size = size * 10 + (*p - '0');
  return *n = minus ? -size : size, end && p == end;
}

// Appends a whole number.
PS_FUNCTION void ps_append_whole(ps_buf *b, int64_t n) {
  uint8_t digits[20], *at = digits + 20;
  uint64_t rest = n < 0 ? -(uint64_t)n : n;
  do *--at = '0' + rest % 10; while (rest /= 10);
  if (n < 0) *--at = '-';
  ps_append(b, (ps_text){at, digits + 20 - at});
}

// Appends text that reads as exactly this number, without a dot if it is whole: the
// shortest if that has 15 digits or less, else all digits there are. It is null for
// infinities and NaN.
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
  int e = size.bits >> 52;
  uint64_t m = (size.bits & ~0ull >> 12) | (uint64_t)(e > 0) << 52;
  for (e -= e ? 1075 : 1074; !(m & 1) && e < 0; e++) m >>= 1;
  ps_big big = {{m, m >> 32}, 2};
  for (int k = e; k; k += k < 0 ? 1 : -1) ps_big_multiply(&big, k < 0 ? 5 : 2, 0); // m × 2^-k = m × 5^k × 10^-k
  uint8_t text[800], *at = text + sizeof text;
  do *--at = '0' + ps_big_divide(&big, 10); while (big.n);
  ps_append(b, (ps_text){at, text + sizeof text - at});
  if (e < 0) ps_push(b, 'e'), ps_append_whole(b, e);
}
