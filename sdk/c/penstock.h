// The guest side of Penstock's plugin contract, for C: the host's functions, the buffers
// of a call, JSON read in place and written, the flat routing record and the frames of
// event hooks. It needs no library, not even C's own. Include it in one source file.
//
// A hook reads its input and appends its answer to a buffer; an empty answer means "no
// opinion", and so does false, which ps_reject returns. PS_HOOK exports it:
//
//     static bool rank(ps_text input, ps_buf *out) { … }
//     PS_HOOK(route, rank)
//
// An instance is called by one thread at a time and keeps nothing from call to call but
// its settings.
#ifndef PENSTOCK_H
#define PENSTOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of the contract, major << 16 | minor.
#define PS_ABI_VERSION (1 << 16 | 1)
// The longest input that is taken and the most memory that an instance asks for, in
// bytes. What the input leaves of it is for the answer and for what else a call needs.
#define PS_MAX_INPUT (5u << 20)
#define PS_MAX_MEMORY (16u << 20)

// What is called for every value is worth its room; a call costs as much as it does.
#define PS_FAST __attribute__((always_inline)) static inline
#define PS_FUNCTION __attribute__((noinline, unused)) static

// Bytes that lie elsewhere; PS makes them of a literal.
typedef struct { const uint8_t *at; size_t len; } ps_text;
#define PS(literal) ((ps_text){(const uint8_t *)(literal), sizeof(literal) - 1})

// Bytes that grow: the answer of a call, or whatever else a hook needs room for. It
// begins as {0} and ends with the call. One that can't grow any more is full and takes
// nothing from then on; a call whose answer is full is rejected.
typedef struct { uint8_t *at; size_t len, cap; bool full; } ps_buf;

// Turns an input into an answer. Both are gone when the next call comes.
typedef bool (*ps_hook)(ps_text input, ps_buf *out);

// Only those of the host's functions that a plugin uses end up in its module.
#define PS_IMPORT(name) __attribute__((import_module("penstock"), import_name(#name)))
PS_IMPORT(log) void ps_host_log(int32_t level, const uint8_t *at, size_t len);
PS_IMPORT(error) void ps_host_error(int32_t code, const uint8_t *at, size_t len);
PS_IMPORT(metric_add) void ps_host_metric_add(const uint8_t *name, size_t len, double value);
PS_IMPORT(kv_get) int32_t ps_host_kv_get(const uint8_t *key, size_t key_len, uint8_t *out, size_t cap);
PS_IMPORT(kv_set) int32_t ps_host_kv_set(const uint8_t *key, size_t key_len, const uint8_t *at, size_t len, uint32_t ttl);

// Unix time in milliseconds, the same during one call. Needs the grant clock.
PS_IMPORT(now_ms) int64_t ps_now_ms(void);
// A random number, the same for the same request. Needs the grant random.
PS_IMPORT(random_u64) uint64_t ps_random_u64(void);

// Grades of a line in the log.
enum { PS_DEBUG, PS_INFO, PS_WARN, PS_ERROR };

// Writes a line to the gateway's log: at most 1 KiB, and 16 lines a call.
static inline void ps_log(int32_t level, ps_text text) { ps_host_log(level, text.at, text.len); }

// Rejects the call: return ps_reject(400, PS("why")). A code from 400 to 499 blames the
// request, and its caller is shown the message; from 500 up the plugin blames itself.
static inline bool ps_reject(int32_t code, ps_text message) {
  ps_host_error(code, message.at, message.len);
  return false;
}

// Adds to a counter of the plugin's own. A name that is not [a-z][a-z0-9_]* and a value
// below zero are faults. Needs the grant metrics.
static inline void ps_metric_add(ps_text name, double value) { ps_host_metric_add(name.at, name.len, value); }

// What lies in memory behind the program itself: the settings, the input with zeros
// behind it, and what the call takes, its answer above all. Each call begins anew behind
// the settings, so that memory is used again.
extern uint8_t __heap_base;
static struct { uintptr_t input, end, top; ps_text config; const uint8_t *passed, *passed_end; } ps_memory;

// Takes the memory from at for size bytes and frees what lies behind, or reports that
// this is more than there may be.
static inline bool ps_claim(uintptr_t at, size_t size) {
  size_t pages = (at + size + 0xffff) >> 16, have = __builtin_wasm_memory_size(0);
  if (size > PS_MAX_MEMORY || at + size > PS_MAX_MEMORY) return false;
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == SIZE_MAX) return false;
  ps_memory.top = at + size;
  return true;
}

// Makes room for more bytes, or reports that there is none. A buffer grows in place if
// nothing lies behind it, else it moves behind everything.
PS_FUNCTION bool ps_reserve(ps_buf *b, size_t more) {
  if (more <= b->cap - b->len || b->full) return !b->full;
  uintptr_t at = (uintptr_t)b->at + b->cap, size = b->len + more;
  size_t wish = size > 2 * b->cap ? size : 2 * b->cap;
  at = b->at && at == ps_memory.top ? (uintptr_t)b->at : (ps_memory.top + 15) & ~15ul;
  b->full = more > PS_MAX_MEMORY || (!ps_claim(at, wish += 1024) && !ps_claim(at, wish = size));
  if (b->full) return false;
  if (b->len && b->at != (uint8_t *)at) __builtin_memcpy((uint8_t *)at, b->at, b->len);
  b->at = (uint8_t *)at;
  b->cap = wish;
  return true;
}

// Appends bytes as they are.
PS_FUNCTION void ps_append(ps_buf *b, ps_text text) {
  if (!ps_reserve(b, text.len)) return;
  __builtin_memcpy(b->at + b->len, text.at, text.len);
  b->len += text.len;
}

// Appends one byte.
static inline void ps_push(ps_buf *b, uint8_t byte) { ps_append(b, (ps_text){&byte, 1}); }

// Gives a buffer's memory back if nothing lies behind it.
static inline void ps_free(ps_buf *b) { if ((uintptr_t)b->at + b->cap == ps_memory.top) ps_memory.top = (uintptr_t)b->at; }

// What a buffer holds.
static inline ps_text ps_held(const ps_buf *b) { return (ps_text){b->at, b->len}; }

// Appends what is stored under a key, and reports whether something is. Needs the grant
// kv.
PS_FUNCTION bool ps_kv_get(ps_text key, ps_buf *into) {
  size_t room = ps_reserve(into, 1 << 16) ? 1 << 16 : 0; // a value has at most 64 KiB
  int32_t n = ps_host_kv_get(key.at, key.len, into->at + into->len, room);
  into->len += n > 0 && (size_t)n <= room ? n : 0;
  return n >= 0;
}

// Stores a value for ttl_s seconds, at most 86,400; 0 removes it. It reports whether that
// was done. Needs the grant kv.
static inline bool ps_kv_set(ps_text key, ps_text value, uint32_t ttl_s) {
  return ps_host_kv_set(key.at, key.len, value.at, value.len, ttl_s) == 1;
}

// Gives the host room for size bytes of input and forgets the call before; 0 refuses.
static inline uint32_t ps_alloc(uint32_t size) {
  if (!ps_memory.input) ps_memory.input = ((uintptr_t)&__heap_base + 15) & ~15ul;
  if (size > PS_MAX_INPUT || !ps_claim(ps_memory.input, size + 16)) return 0;
  ps_memory.end = ps_memory.input + size;
  __builtin_memset((uint8_t *)ps_memory.end, 0, 16);
  return ps_memory.input;
}

// Runs a hook on the input at ptr and packs its answer: address << 32 | length. 0 is no
// opinion, or a rejection.
static inline uint64_t ps_call(ps_hook hook, uint32_t ptr, uint32_t len) {
  ps_buf out = {0};
  if (!ptr || ptr != ps_memory.input || ptr + len != ps_memory.end)
    return ps_reject(500, PS("the input is not where penstock_alloc put it"));
  if (!hook((ps_text){(uint8_t *)ptr, len}, &out)) return 0;
  if (out.full) return ps_reject(500, PS("the answer takes too much memory"));
  return out.len ? (uint64_t)(uintptr_t)out.at << 32 | out.len : 0;
}

// Runs a hook on the settings and keeps them: later inputs lie behind them.
static inline uint64_t ps_init(ps_hook hook, uint32_t ptr, uint32_t len) {
  ps_memory.config = (ps_text){(uint8_t *)ptr, len};
  ps_call(hook, ptr, len);
  ps_memory.input = (ps_memory.end + 31) & ~15ul;
  return 0;
}

// Export a hook, and the hook that checks the settings: PS_HOOK(route, rank), PS_INIT(settings).
#define PS_EXPORT(name) __attribute__((export_name("penstock_" #name)))
#define PS_HOOK(name, hook) \
  PS_EXPORT(name) uint64_t penstock_##name(uint32_t ptr, uint32_t len) { return ps_call(hook, ptr, len); }
#define PS_INIT(hook) PS_EXPORT(init) uint64_t penstock_init(uint32_t ptr, uint32_t len) { return ps_init(hook, ptr, len); }
PS_EXPORT(abi_version) int32_t penstock_abi_version(void) { return PS_ABI_VERSION; }
PS_EXPORT(alloc) uint32_t penstock_alloc(uint32_t size) { return ps_alloc(size); }

#include "penstock_json.h"
#include "penstock_flat.h"
#endif
