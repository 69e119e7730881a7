package wasm

import (
	"cmp"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// The bounds of loading and calling, in bytes.
const (
	maxModule       = 16 << 20
	maxMemory       = 2 << 30
	pageSize        = 64 << 10
	defaultMemory   = 16 << 20
	defaultGoMemory = 64 << 20
	// defaultFuel is some milliseconds of work, most of it for Go's garbage collector when
	// it runs during a call.
	defaultFuel = 20_000_000
	// defaultPerByte lets guests read long inputs: parsing JSON costs 10 to 40 instructions
	// a byte.
	defaultPerByte = 100
	// initFuel bounds _initialize and penstock_init together: a Go runtime starts
	// within a few million instructions.
	initFuel = 200_000_000
	// testFuel bounds all tests of a manifest together, with all their runs and starts: a
	// second or two. Sixteen tests of a Go module start 48 times, which takes 200 million.
	testFuel = 2_000_000_000
	// defaultRecycle is the number of calls after which an instance is replaced.
	defaultRecycle = 100_000
)

// Spec says which module to load and what it may do.
type Spec struct {
	// Name is the module's name in logs, errors and statistics, and in its penstock_init.
	Name string
	// Wasm is the module, at most 16 MiB.
	Wasm []byte
	// Kind is what the module is loaded as, one of the Kind constants; a module whose
	// manifest names another is refused. Empty means any.
	Kind string
	// SHA256 is the hexadecimal digest that Wasm must have; empty means unpinned.
	SHA256 string
	// Trusted are the keys of which one must have signed Wasm, Signature is what Sign
	// returned. Without keys no signature is needed.
	Trusted   []ed25519.PublicKey
	Signature string
	// Config is the operator's settings, a JSON object handed to penstock_init; nil
	// means {}.
	Config json.RawMessage
	// Grants are the imports and inputs that the operator allows beyond the harmless ones;
	// see the constants of package hook.
	Grants []string
	// MaxMemory is the most linear memory that one instance may hold, in bytes,
	// rounded up to 64 KiB. Zero means 64 MiB for a module made by Go and 16 MiB for any
	// other; more than 2 GiB is refused.
	MaxMemory int64
	// Fuel bounds one call, in instructions, and FuelPerByte adds to it for every
	// byte of input. Zero means 20 million and 100.
	Fuel, FuelPerByte int64
	// MaxInstances bounds how many calls run at once. Zero means twice GOMAXPROCS.
	MaxInstances int
	// Recycle is the number of calls after which an instance is replaced by a fresh
	// one. Zero means 100,000.
	Recycle int64
	// Isolate gives every call an instance of its own, with fresh memory.
	Isolate bool
	// BuiltIn marks the gateway's own module, which is always compiled in this process.
	BuiltIn bool
	// Record, if not nil, is called after every call, on the caller's goroutine: it must be
	// quick and safe for concurrent use.
	Record func(Recorded)
}

// withDefaults checks the spec and fills in its defaults, except that of memory, which
// depends on the module.
func (s Spec) withDefaults() (Spec, error) {
	s.Fuel = cmp.Or(s.Fuel, defaultFuel)
	s.FuelPerByte = cmp.Or(s.FuelPerByte, defaultPerByte)
	s.Recycle = cmp.Or(s.Recycle, defaultRecycle)
	s.MaxInstances = cmp.Or(s.MaxInstances, 2*runtime.GOMAXPROCS(0))
	s.Config = orEmpty(s.Config)
	return s, s.check()
}

func (s Spec) check() error {
	switch {
	case s.Name == "":
		return fmt.Errorf("the module has no name")
	case len(s.Wasm) > maxModule:
		return fmt.Errorf("the file has %d bytes; at most %d are accepted", len(s.Wasm), maxModule)
	case s.MaxMemory < 0 || s.MaxMemory > maxMemory:
		return fmt.Errorf("max memory is %d bytes; it must be between 1 and %d", s.MaxMemory, int64(maxMemory))
	case s.Fuel < 0 || s.FuelPerByte < 0 || s.Recycle < 0 || s.MaxInstances < 0:
		return fmt.Errorf("fuel, fuel per byte, recycle and max instances must not be negative")
	case s.Kind != "" && !slices.Contains(kinds, s.Kind):
		return fmt.Errorf("unknown kind %q; there are %s", s.Kind, strings.Join(kinds, ", "))
	case !json.Valid(s.Config):
		return fmt.Errorf("the settings are not valid JSON")
	}
	return hook.CheckGrants(s.Grants)
}

// memoryFor is the default of MaxMemory for a module. Go's runtime takes megabytes before it
// does anything.
func memoryFor(info *fuel.Module) int64 {
	if info.MadeByGo() {
		return defaultGoMemory
	}
	return defaultMemory
}

// orEmpty returns v, or an empty object for none.
func orEmpty(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return json.RawMessage("{}")
	}
	return v
}
