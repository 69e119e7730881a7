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
	dir    string
	self   string
	places map[string]place
	up     []*child
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
	return &stand{dir: dir, self: self, places: map[string]place{}}, nil
}

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
func (s *stand) keep(p *child, name string, at place) {
	s.up = append(s.up, p)
	s.places[name] = at
}

// startMock brings up the upstream, which is also the target called direct.
func (s *stand) startMock(ctx context.Context, pace time.Duration) error {
	return s.announce(ctx, direct, command{Name: "mock", Path: s.self, Args: []string{"mock", pace.String()}, Dir: s.dir})
}

// startFloor brings up the bare proxy.
func (s *stand) startFloor(ctx context.Context, bin string) error {
	upstream := "http://" + s.places[direct].Addr
	return s.announce(ctx, floor, command{Name: "floor", Path: bin, Args: []string{upstream}, Dir: s.dir})
}

// announce starts a process that prints its address.
func (s *stand) announce(ctx context.Context, name string, c command) error {
	p, err := c.start(ctx)
	if err != nil {
		return err
	}
	s.keep(p, name, place{})
	addr, err := p.announced(ctx)
	if err != nil {
		return err
	}
	s.places[name] = place{Addr: addr, Key: "none", PID: p.pid()}
	return nil
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
