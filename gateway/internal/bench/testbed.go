package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// testbed is the processes that run while the benchmark measures.
type testbed struct {
	dir  string
	self string
	// endpoints are the targets' addresses, by target and upstream; upstreams are the
	// mocks' own addresses.
	endpoints map[endpointKey]endpoint
	upstreams map[string]string
	up        []*child
}

// newTestbed creates a folder for the processes' files. The caller closes it.
func newTestbed() (*testbed, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	dir, err := os.MkdirTemp("", "penstock-bench-")
	if err != nil {
		return nil, err
	}
	if err := writeCertificate(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("make a certificate: %w", err), os.RemoveAll(dir))
	}
	return &testbed{dir: dir, self: self, endpoints: map[endpointKey]endpoint{}, upstreams: map[string]string{}}, nil
}

// endpointKey is a target in front of an upstream.
type endpointKey struct{ target, upstream string }

// close ends every process, the last started first, and removes their files.
func (s *testbed) close() {
	for len(s.up) > 0 {
		last := len(s.up) - 1
		s.up[last].stop()
		s.up = s.up[:last]
	}
	_ = os.RemoveAll(s.dir) // the system cleans its temporary folder, too
}

// add adds a process, which close stops.
func (s *testbed) add(p *child) { s.up = append(s.up, p) }

// startMocks starts the upstreams. The plain one is also the target called direct.
func (s *testbed) startMocks(ctx context.Context, pace time.Duration) error {
	for _, upstream := range upstreams() {
		args := []string{"mock-tls", upstream}
		if upstream == plainHTTP {
			args = []string{"mock", pace.String()}
		}
		at, err := s.startServer(ctx, command{Name: "mock-" + upstream, Path: s.self, Args: args, Dir: s.dir})
		if err != nil {
			return err
		}
		s.upstreams[upstream] = at.Addr
		if upstream == plainHTTP {
			s.endpoints[endpointKey{direct, upstream}] = at
		}
	}
	return nil
}

// url returns the URL of an upstream.
func (s *testbed) url(upstream string) string {
	if upstream == plainHTTP {
		return "http://" + s.upstreams[upstream]
	}
	return "https://" + s.upstreams[upstream]
}

// startFloors starts a bare proxy for each upstream.
func (s *testbed) startFloors(ctx context.Context, bin string) error {
	for _, upstream := range upstreams() {
		at, err := s.startServer(ctx, command{Name: "floor-" + upstream, Path: bin, Args: []string{s.url(upstream)}, Dir: s.dir,
			Env: append(os.Environ(), trust(s.dir))})
		if err != nil {
			return err
		}
		s.endpoints[endpointKey{floor, upstream}] = at
	}
	return nil
}

// startServer starts a process that prints its address.
func (s *testbed) startServer(ctx context.Context, c command) (endpoint, error) {
	p, err := c.start(ctx)
	if err != nil {
		return endpoint{}, err
	}
	s.add(p)
	addr, err := p.printedAddress(ctx)
	return endpoint{Addr: addr, Key: "none", PID: p.pid()}, err
}

// job returns the job of a cell.
func (s *testbed) job(c cell) job {
	w := caseNamed(c.Case)
	return w.job(s.endpoints[endpointKey{c.Target, w.Upstream}])
}

// load runs a job in a separate process, so that the load generator's work is not done by
// the bench.
func (s *testbed) load(ctx context.Context, j job) (result, error) {
	in, err := json.Marshal(j)
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, j.Warm+j.Measure+2*grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.self, "load")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("load generator: %w%s", err, stderrOf(err))
	}
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		return result{}, fmt.Errorf("load generator's result: %w", err)
	}
	return r, nil
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return ": " + string(exit.Stderr)
	}
	return ""
}

// probe sends one request and checks the reply.
func probe(j job) error {
	now := time.Now()
	c := newClient(j, 0, now, now.Add(grace))
	defer c.hangUp()
	return c.ask()
}
