package hook

import "time"

// Latencies are the upper bounds of the histogram of call durations, in rising order.
var Latencies = [...]time.Duration{5 * time.Microsecond, 10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond}

// Stats are a module's figures since it was loaded.
type Stats struct {
	Name   string
	SHA256 string
	// Size is the module's length in bytes, Compile how long compiling took; FromCache reports
	// that the machine code was in the cache on disk.
	Size      int
	Compile   time.Duration
	FromCache bool
	// Calls counts all calls; Faults and Rejections are among them.
	Calls, Faults, Rejections int64
	// Fuel is the sum over all calls, in instructions.
	Fuel int64
	// Time is the sum over all calls, without waiting for an instance; Within counts the calls
	// that took at most each of the Latencies.
	Time   time.Duration
	Within [len(Latencies)]int64
	// Instances counts the instances, Idle those that no call uses.
	Instances, Idle int
	// Recycled counts the instances replaced because of their memory or number of calls,
	// Discarded those closed after a fault.
	Recycled, Discarded int64
	// Memory is the linear memory of all idle instances, in bytes.
	Memory int64
	// Metrics are the module's counters by name; nil without any.
	Metrics map[string]float64
}
