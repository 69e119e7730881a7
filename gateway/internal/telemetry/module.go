package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Module holds the figures of one Wasm module since it was loaded, at the time when the
// metrics are read.
type Module struct {
	Name string
	// Calls counts all calls, those in Faults and Rejections included.
	Calls, Faults, Rejections int64
	// Fuel is in instructions. Busy is the total time of calls; Within maps a bound in
	// seconds to how many calls took no longer.
	Fuel   int64
	Busy   time.Duration
	Within map[float64]uint64
	// Instances counts all instances, Idle those not in a call; Memory is the linear memory
	// of the idle ones, in bytes.
	Instances, Idle int
	Memory          int64
	// Recycled counts instances replaced for their age or size, Discarded those removed
	// after a fault.
	Recycled, Discarded int64
	// Compile is how long compiling took; short if the compile cache had the module.
	Compile time.Duration
	// Reloads counts how often a version was replaced by another. Cached counts the
	// versions, the current one included, that the compile cache had.
	Reloads, Cached int64
	// Disabled says that it is not called for a while, because of its faults.
	Disabled bool
	// Own are the plugin's own counters.
	Own map[string]float64
}

// modules is a collector that reads the modules' figures when the metrics are read, so that
// calls into modules do not update metrics.
type modules struct {
	read func() []Module
	// metrics are those with the module as their only label.
	metrics                       []metric
	calls, latency, compiles, own *prometheus.Desc
}

// metric is one metric of a module.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Module) float64
}

func newModules(read func() []Module) *modules {
	c := &modules{read: read,
		calls:    prometheus.NewDesc(nameModuleCalls, "Calls into Wasm modules by result.", []string{labelModule, labelResult}, nil),
		latency:  prometheus.NewDesc(nameModuleLatency, "Time spent in calls into the module.", []string{labelModule}, nil),
		compiles: prometheus.NewDesc(nameModuleCompiles, "Versions compiled (miss) or found in the compile cache (hit).", []string{labelModule, labelCache}, nil),
		own:      prometheus.NewDesc(nameOwn, "Counters of plugins, fed with penstock.metric_add.", []string{labelPlugin, labelName}, nil)}
	add := func(name, help string, kind prometheus.ValueType, value func(*Module) float64) {
		c.metrics = append(c.metrics, metric{prometheus.NewDesc(name, help, []string{labelModule}, nil), kind, value})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add(nameModuleFuel, "Instructions spent in Wasm modules.", counter, func(m *Module) float64 { return float64(m.Fuel) })
	add(nameModuleInstances, "Instances of Wasm modules.", gauge, func(m *Module) float64 { return float64(m.Instances) })
	add(nameModuleIdle, "Instances that are not in a call.", gauge, func(m *Module) float64 { return float64(m.Idle) })
	add(nameModuleMemory, "Linear memory of idle instances.", gauge, func(m *Module) float64 { return float64(m.Memory) })
	add(nameModuleRecycled, "Instances replaced for their age or size.", counter, func(m *Module) float64 { return float64(m.Recycled) })
	add(nameModuleDiscarded, "Instances removed after a fault.", counter, func(m *Module) float64 { return float64(m.Discarded) })
	add(nameModuleCompile, "How long compiling took.", gauge, func(m *Module) float64 { return m.Compile.Seconds() })
	add(nameModuleReloads, "Versions that have been replaced.", counter, func(m *Module) float64 { return float64(m.Reloads) })
	add(nameModuleDisabled, "1 while the module is not called, because of its faults.", gauge, func(m *Module) float64 { return float64(one(m.Disabled)) })
	return c
}

// Describe implements prometheus.Collector.
func (c *modules) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.metrics {
		out <- f.desc
	}
	out <- c.calls
	out <- c.latency
	out <- c.compiles
	out <- c.own
}

// Collect implements prometheus.Collector.
func (c *modules) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.read() {
		for _, f := range c.metrics {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&m), m.Name)
		}
		for result, n := range map[string]int64{"ok": m.Calls - m.Faults - m.Rejections, "fault": m.Faults, "rejection": m.Rejections} {
			out <- prometheus.MustNewConstMetric(c.calls, prometheus.CounterValue, float64(n), m.Name, result)
		}
		out <- prometheus.MustNewConstHistogram(c.latency, uint64(m.Calls), m.Busy.Seconds(), m.Within, m.Name)
		for cache, n := range map[string]int64{"hit": m.Cached, "miss": m.Reloads + 1 - m.Cached} {
			out <- prometheus.MustNewConstMetric(c.compiles, prometheus.CounterValue, float64(n), m.Name, cache)
		}
		for name, v := range m.Own {
			out <- prometheus.MustNewConstMetric(c.own, prometheus.CounterValue, v, m.Name, name)
		}
	}
}
