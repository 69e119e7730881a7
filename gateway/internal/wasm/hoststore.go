package wasm

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"
)

// This file holds the host functions whose effects outlast a call: those of the plugin's
// store and of its metrics.

const (
	costStore  = 500 // a lock and a copy; plus 1 for every 8 bytes
	maxMetrics = 32  // of one module
	maxName    = 64  // bytes of a metric's name
	absent     = -1  // kv_get's result without an entry
)

var (
	errKeyTooLong = fmt.Errorf("it used a key of more than %d bytes", maxKey)
	errTTL        = fmt.Errorf("it asked to keep a value for more than %d seconds", maxTTL)
	errMetrics    = fmt.Errorf("it has more than %d metrics", maxMetrics)
	errMetric     = errors.New("it added to a metric a value that is negative or not finite")
)

// key reads a key from the guest's memory.
func (g *instance) key(ptr, n uint32) []byte {
	if n > maxKey {
		panic(errKeyTooLong)
	}
	b, ok := g.memory.Read(ptr, n)
	if !ok {
		panic(errBadPointer)
	}
	return b
}

// hostGet is kv_get(key_ptr, key_len, out_ptr, out_cap): the length of a value, which is
// copied if it fits, or -1.
func hostGet(g *instance, stack []uint64) {
	g.chargeFuel(costStore)
	key := g.key(uint32(stack[0]), uint32(stack[1]))
	value, ok := g.module.store.get(g.state.value[:0], key)
	if g.state.value = value; !ok {
		stack[0] = api32(absent)
		return
	}
	g.noteRead(key, value)
	g.chargeFuel(int64(len(value)) / 8)
	if n := uint32(len(value)); n <= uint32(stack[3]) && !g.memory.Write(uint32(stack[2]), value) {
		panic(errBadPointer)
	}
	stack[0] = uint64(len(value))
}

// hostSet is kv_set(key_ptr, key_len, ptr, len, ttl_s): 1 when the value is stored, or
// removed, 0 when it is refused.
func hostSet(g *instance, stack []uint64) {
	g.chargeFuel(costStore)
	key, n, ttl := g.key(uint32(stack[0]), uint32(stack[1])), uint32(stack[3]), uint32(stack[4])
	value, ok := g.memory.Read(uint32(stack[2]), n)
	switch {
	case ttl > maxTTL:
		panic(errTTL)
	case ttl == 0:
		g.module.store.remove(key)
		stack[0] = 1
		return
	case !ok:
		panic(errBadPointer)
	}
	g.noteWrite(key)
	g.chargeFuel(int64(min(n, maxValue)) / 8)
	stack[0] = 0
	if g.module.store.set(key, value, time.Duration(ttl)*time.Second) {
		stack[0] = 1
	}
}

// hostMetric is metric_add(name_ptr, name_len, value).
func hostMetric(g *instance, stack []uint64) {
	g.chargeFuel(costStore)
	name, ok := g.memory.Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		panic(errBadPointer)
	}
	if err := g.module.counters.add(name, math.Float64frombits(stack[2])); err != nil {
		panic(err)
	}
}

// api32 encodes a signed i32 for the stack.
func api32(v int32) uint64 { return uint64(uint32(v)) }

// counters are the metrics of one module. They are safe for concurrent use.
type counters struct {
	mu     sync.Mutex
	values map[string]float64
}

// add adds to a counter and creates it if need be.
func (c *counters) add(name []byte, v float64) error {
	if !isMetricName(name) {
		return fmt.Errorf("invalid metric name %q", name[:min(len(name), maxName)])
	}
	if !(v >= 0 && v <= math.MaxFloat64) {
		return errMetric
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, known := c.values[string(name)]
	if !known && len(c.values) >= maxMetrics {
		return errMetrics
	}
	if c.values == nil {
		c.values = map[string]float64{}
	}
	c.values[string(name)] = min(sum+v, math.MaxFloat64) // JSON has no infinity
	return nil
}

// all returns a copy; nil for no counters.
func (c *counters) all() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

// isMetricName reports whether a name is [a-z][a-z0-9_]*, at most 64 bytes.
func isMetricName(name []byte) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxName
}
