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

// stand is the test stand: the processes that are up while the table is measured.
type stand struct {
	dir  string
	self string
	// places are where the targets listen, by target and upstream; upstreams are the
	// mocks' own addresses.
	places    map[spot]place
	upstreams map[string]string
	up        []*child
}

// newStand makes a place for the processes' files. The caller closes it.
func newStand() (*stand, error) {
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
	return &stand{dir: dir, self: self, places: map[spot]place{}, upstreams: map[string]string{}}, nil
}

// spot is a target in front of an upstream.
type spot struct{ target, upstream string }

// close ends every process, the last started first, and removes their files.
func (s *stand) close() {
	for len(s.up) > 0 {
		last := len(s.up) - 1
		s.up[last].stop()
		s.up = s.up[:last]
	}
	_ = os.RemoveAll(s.dir) // the system cleans its temporary folder too
}

// keep makes a started process part of the stand.
func (s *stand) keep(p *child) { s.up = append(s.up, p) }

// startMocks brings up the upstreams. The plain one is also the target called direct.
func (s *stand) startMocks(ctx context.Context, pace time.Duration) error {
	for _, upstream := range upstreams() {
		args := []string{"mock-tls", upstream}
		if upstream == plainHTTP {
			args = []string{"mock", pace.String()}
		}
		at, err := s.announce(ctx, command{Name: "mock-" + upstream, Path: s.self, Args: args, Dir: s.dir})
		if err != nil {
			return err
		}
		s.upstreams[upstream] = at.Addr
		if upstream == plainHTTP {
			s.places[spot{direct, upstream}] = at
		}
	}
	return nil
}

// url is where an upstream is reached.
func (s *stand) url(upstream string) string {
	if upstream == plainHTTP {
		return "http://" + s.upstreams[upstream]
	}
	return "https://" + s.upstreams[upstream]
}

// startFloors brings up a bare proxy for each upstream.
func (s *stand) startFloors(ctx context.Context, bin string) error {
	for _, upstream := range upstreams() {
		at, err := s.announce(ctx, command{Name: "floor-" + upstream, Path: bin, Args: []string{s.url(upstream)}, Dir: s.dir,
			Env: append(os.Environ(), trust(s.dir))})
		if err != nil {
			return err
		}
		s.places[spot{floor, upstream}] = at
	}
	return nil
}

// announce starts a process that prints its address.
func (s *stand) announce(ctx context.Context, c command) (place, error) {
	p, err := c.start(ctx)
	if err != nil {
		return place{}, err
	}
	s.keep(p)
	addr, err := p.announced(ctx)
	return place{Addr: addr, Key: "none", PID: p.pid()}, err
}

// job is what a cell asks of its target.
func (s *stand) job(c cell) job {
	w := caseNamed(c.Case)
	return w.job(s.places[spot{c.Target, w.Upstream}])
}

// load runs a job in a process of its own, so that the generator's work is not the
// bench's.
func (s *stand) load(ctx context.Context, j job) (result, error) {
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

// probe asks once.
func probe(j job) error {
	now := time.Now()
	c := newClient(j, 0, now, now.Add(grace))
	defer c.hangUp()
	return c.ask()
}
