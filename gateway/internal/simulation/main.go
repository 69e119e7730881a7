// Command simulation lets the built-in strategies route the traffic of a day to simulated
// targets, and compares them with round robin, random choice and an oracle. It is a
// discrete-event simulation: the gateway's own pipeline, its figures of targets and the built-in
// Wasm module run as they do in the gateway, by a clock that goes from one event to the next.
// `make sim` runs it. It prints a table and every figure that is a goal, and draws curves.
//
// It makes no HTTP calls and measures no overhead: that is what bench does.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/plugins"
)

// options are the command line's.
type options struct {
	seed uint64
	// out is the folder for the curves and the report; empty for none.
	out string
	// quick makes every scenario a tenth as long.
	quick bool
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "the seed of all that is drawn by chance")
	flag.StringVar(&o.out, "o", "", "write the curves and the report into this `folder`")
	flag.BoolVar(&o.quick, "quick", false, "simulate shorter times, in seconds; the figures are then less exact")
	flag.Parse()
	runAsTest(func(t *testing.T) error { return run(t, o, os.Stdout) })
}

// run plays all scenarios. The error says which figures were missed.
func run(t *testing.T, o options, w io.Writer) error {
	began := time.Now()
	m, closeHost, err := loadStrategies(o.seed)
	if err != nil {
		return err
	}
	defer closeHost()
	r, err := simulate(t, plans(sizeOf(o.quick), o.seed), m, o.seed)
	if err != nil {
		return err
	}
	report := r.report(o.seed)
	fmt.Fprint(w, report)
	fmt.Fprintf(w, "\n%d requests in %s of real time\n", r.requests(), time.Since(began).Round(100*time.Millisecond))
	if o.out != "" {
		if err := r.write(o.out, report); err != nil {
			return err
		}
	}
	return missed(r.figures())
}

// modules are the built-in module as it comes, and with a classifier that was trained on the
// questions of the scenario difficulty.
type modules struct{ builtIn, trained *wasm.Router }

// loadStrategies loads the built-in module.
func loadStrategies(seed uint64) (m modules, stop func(), err error) {
	host, err := wasm.NewHost(wasm.Options{})
	if err != nil {
		return m, nil, err
	}
	stop = func() { _ = host.Close(context.Background()) } // the program ends
	if m.builtIn, err = loadModule(host, nil); err == nil {
		m.trained, err = loadTrained(host, seed)
	}
	if err != nil {
		stop()
	}
	return m, stop, err
}

func loadTrained(host *wasm.Host, seed uint64) (*wasm.Router, error) {
	s := difficulty(time.Hour, 1, seed)
	weights, err := train(s.modelOf(weakModel), s.modelOf(strongModel), seed)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]string{"weights": hex.EncodeToString(weights)})
	if err != nil {
		return nil, err
	}
	return loadModule(host, config)
}

func loadModule(host *wasm.Host, config json.RawMessage) (*wasm.Router, error) {
	code, err := plugins.Builtin()
	if err != nil {
		return nil, err
	}
	m, err := host.Load(context.Background(), wasm.Spec{Name: "builtin", Wasm: code, Config: config, Grants: []string{hook.GrantMessages}, BuiltIn: true})
	if err != nil {
		return nil, fmt.Errorf("load the built-in module: %w", err)
	}
	return wasm.NewRouter(m, time.Now)
}
