package config

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestManyFaultsOnOneLineCostLittle counts the bytes that are allocated: a fault must not
// copy its whole line, nor a hidden value the lines of all faults.
func TestManyFaultsOnOneLineCostLittle(t *testing.T) {
	var unknown strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&unknown, "nothing%d: value%d, ", i, i)
	}
	const provider = "providers: {up: {dialect: openai}}\n"
	for name, text := range map[string]string{
		"repeated": provider + "models: {m: {targets: [" + strings.Repeat("up/a, ", 1000) + "]}}",
		"unknown":  provider + "models: {m: {" + unknown.String() + "targets: [up/a]}}",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse("p.yaml", []byte(text), nil)
		runtime.ReadMemStats(&after)
		var faults Faults
		if !errors.As(err, &faults) || len(faults) < 900 || len(faults) > 1000 {
			t.Errorf("%s: %d faults", name, len(faults))
		}
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 24 {
			t.Errorf("%s: %d MiB were allocated for %d faults in %d bytes", name, mib, len(faults), len(text))
		}
	}
}
