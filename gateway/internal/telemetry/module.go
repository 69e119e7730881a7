package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Module is what one Wasm module has done since it was loaded, as it stands when the
// metrics are read.
type Module struct {
	Name string
	// Calls counts all calls; Faults and Rejections are among them.
	Calls, Faults, Rejections int64
	// Fuel is in instructions, Busy the time spent in calls, of which so many took no
	// longer than so many seconds each.
	Fuel   int64
	Busy   time.Duration
	Within map[float64]uint64
	// Instances are alive, Idle of them wait for work; Memory is the idle ones' linear
	// memory in bytes.
	Instances, Idle int
	Memory          int64
	// Recycled counts instances replaced for their age or size, Discarded those thrown
	// away after a fault.
	Recycled, Discarded int64
	// Compile is how long compiling took; little when the cache had it.
	Compile time.Duration
	// Reloads counts how often another version has taken the place of one, and Cached
	// those versions, the present one among them, that the compile cache had.
	Reloads, Cached int64
	// Own are the counters that the plugin keeps itself.
	Own map[string]float64
}

// modules reads the modules' figures when the metrics are asked for, so that a call
// into a module has none of that to do.
type modules struct {
	read func() []Module
	// figures are one for each metric without labels of its own.
	figures                       []figure
	calls, latency, compiles, own *prometheus.Desc
}

// figure is one metric of a module.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Module) float64
}

func newModules(read func() []Module) *modules {
	c := &modules{read: read,
		calls:    prometheus.NewDesc(nameModuleCalls, "Calls into Wasm modules by result.", []string{labelModule, labelResult}, nil),
		latency:  prometheus.NewDesc(nameModuleLatency, "Time spent in calls into the module.", []string{labelModule}, nil),
		compiles: prometheus.NewDesc(nameModuleCompiles, "Versions compiled (miss) or found in the compile cache (hit).", []string{labelModule, labelCache}, nil),
		own:      prometheus.NewDesc(nameOwn, "Counters that plugins keep with penstock.metric_add.", []string{labelPlugin, labelName}, nil)}
	add := func(name, help string, kind prometheus.ValueType, value func(*Module) float64) {
		c.figures = append(c.figures, figure{prometheus.NewDesc(name, help, []string{labelModule}, nil), kind, value})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add(nameModuleFuel, "Instructions spent in Wasm modules.", counter, func(m *Module) float64 { return float64(m.Fuel) })
	add(nameModuleInstances, "Instances alive.", gauge, func(m *Module) float64 { return float64(m.Instances) })
	add(nameModuleIdle, "Instances waiting for work.", gauge, func(m *Module) float64 { return float64(m.Idle) })
	add(nameModuleMemory, "Linear memory of idle instances.", gauge, func(m *Module) float64 { return float64(m.Memory) })
	add(nameModuleRecycled, "Instances replaced for their age or size.", counter, func(m *Module) float64 { return float64(m.Recycled) })
	add(nameModuleDiscarded, "Instances thrown away after a fault.", counter, func(m *Module) float64 { return float64(m.Discarded) })
	add(nameModuleCompile, "How long compiling took.", gauge, func(m *Module) float64 { return m.Compile.Seconds() })
	add(nameModuleReloads, "Versions that have been replaced.", counter, func(m *Module) float64 { return float64(m.Reloads) })
	return c
}

// Describe implements prometheus.Collector.
func (c *modules) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.figures {
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
		for _, f := range c.figures {
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
