package hook

import (
	"time"
)

// Latencies are the bounds of the buckets in which calls are counted by how long they
// take, in rising order.
var Latencies = [...]time.Duration{5 * time.Microsecond, 10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond}

// Stats are a module's figures since it was loaded.
type Stats struct {
	Name   string
	SHA256 string
	// Size is the module's length in bytes, Compile how long compiling took, and
	// FromCache says that the cache on the disk had what compiling makes.
	Size      int
	Compile   time.Duration
	FromCache bool
	// Calls counts all calls; Faults and Rejections are among them.
	Calls, Faults, Rejections int64
	// Fuel is the sum over all calls, in instructions.
	Fuel int64
	// Time is the sum over all calls, without the waiting for an instance; Within counts
	// those that took at most each of the Latencies.
	Time   time.Duration
	Within [len(Latencies)]int64
	// Instances are alive, Idle of them wait for work.
	Instances, Idle int
	// Recycled counts instances replaced because they had grown or aged, Discarded
	// those thrown away after a fault.
	Recycled, Discarded int64
	// Memory is the linear memory of all idle instances together, in bytes.
	Memory int64
	// Metrics are the counters that the module feeds, by name; nil without any.
	Metrics map[string]float64
}
