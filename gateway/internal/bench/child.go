package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// processTimeout is how long a process may take to start answering, or to end before it is
// killed.
const processTimeout = 5 * time.Second

// logTail is how many bytes of a process's log an error quotes.
const logTail = 2000

// command is a process to start.
type command struct {
	Name string
	Path string
	Args []string
	// Env is the whole environment; nil means the bench's own.
	Env []string
	// Dir is the working directory. The process's output goes to NAME.log there.
	Dir string
}

// child is a running process. It ends with stop, with the context it was started with,
// and, if it reads its standard input, with the bench itself.
type child struct {
	name  string
	cmd   *exec.Cmd
	log   string
	stdin io.Closer
	kill  context.CancelFunc
	ended chan struct{}
}

// start begins the process. The caller stops it.
func (c command) start(ctx context.Context) (*child, error) {
	ctx, kill := context.WithCancel(ctx)
	p, err := c.prepare(ctx, kill)
	if err == nil {
		err = p.begin()
	}
	if err != nil {
		kill()
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

func (c command) prepare(ctx context.Context, kill context.CancelFunc) (*child, error) {
	path, err := filepath.Abs(c.Path) // relative to the bench, not to Dir
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = processTimeout
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	log := filepath.Join(c.Dir, c.Name+".log")
	return &child{name: c.Name, cmd: cmd, log: log, stdin: stdin, kill: kill, ended: make(chan struct{})}, nil
}

// begin starts the process with a file as its output, so that copying it takes no
// processor time while measuring.
func (p *child) begin() error {
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { // stop waits for it
		_ = p.cmd.Wait() // the log has more than the exit status
		close(p.ended)
	}()
	return nil
}

// pid returns the process's id.
func (p *child) pid() int { return p.cmd.Process.Pid }

// running reports whether the process has not ended.
func (p *child) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// printedAddress waits for the process to print its address as its first line.
func (p *child) printedAddress(ctx context.Context) (string, error) {
	var addr string
	err := until(ctx, processTimeout, func() error {
		line, found := firstLine(p.log)
		switch {
		case found:
			addr = line
			return nil
		case !p.running():
			return fatal{p.withLog(errors.New("it ended at once"))}
		default:
			return p.withLog(errors.New("it has not printed its address"))
		}
	})
	return addr, err
}

// firstLine returns the first complete line of a file.
func firstLine(path string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	return strings.TrimSpace(line), err == nil
}

// stop ends the process and returns when it has ended. It may be called twice.
func (p *child) stop() {
	p.stdin.Close()
	p.kill()
	<-p.ended
}

// withLog adds the end of the process's log to an error.
func (p *child) withLog(err error) error {
	log, rerr := os.ReadFile(p.log)
	if rerr != nil || len(log) == 0 {
		return fmt.Errorf("%s: %w; its log is empty", p.name, err)
	}
	return fmt.Errorf("%s: %w; its log ends:\n%s", p.name, err, log[max(0, len(log)-logTail):])
}

// fatal is an error after which until does not try again.
type fatal struct{ error }

// until calls try every few milliseconds until it succeeds, for at most the given time, and
// returns the last error.
func until(ctx context.Context, limit time.Duration, try func() error) error {
	const pause = 2 * time.Millisecond
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return nil
		}
		var stop fatal
		if errors.As(err, &stop) {
			return stop.error
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("gave up after %v: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
