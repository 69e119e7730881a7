// Package compiler has a Wasm module compiled by a process of its own, which this very
// program becomes when it is started with another command line. A module that makes
// the compiler run for minutes, use up the memory or end the process does so there.
//
// It is the only package beside the serving ones that starts a program, and only while
// plugins are loaded, never for a request. It does not know what a module is: the
// process gets bytes and leaves what it makes of them in a folder.
package compiler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// The bounds on the process. A module of 13 MB, of Go with an HTTP client, was measured
// at 9 s of processor time and 310 MiB of memory.
const (
	// MaxCPU is the processor time that it may use.
	MaxCPU = time.Minute
	// MaxWall is how long it may take.
	MaxWall = 2 * time.Minute
	// MaxMemory is its address space in bytes, of which Go's runtime reserves some hundred
	// MiB for nothing.
	MaxMemory = 3 << 30
	// maxInput bounds what it reads, in bytes.
	maxInput = 64 << 20
	// maxTalk bounds how much of what it says is kept, in bytes.
	maxTalk = 4 << 10
)

// Program is how the process is started.
type Program struct {
	// Name is its first argument, by which a program knows what it is to be.
	Name string
	// Args come after the name and before the folder.
	Args []string
	// Wall bounds the time that it may take; zero means MaxWall.
	Wall time.Duration
}

// Run hands code to the process, which leaves its work in dir. Started is false when it
// could not be started. An error else is what the process said, or which bound it crossed,
// or that ctx ended. The process has no environment, so that it knows no secrets.
func (p Program) Run(ctx context.Context, dir string, code []byte) (started bool, err error) {
	wall := p.Wall
	if wall == 0 {
		wall = MaxWall
	}
	limit, stop := context.WithTimeout(ctx, wall)
	defer stop()
	path, err := self()
	if err != nil {
		return false, err
	}
	talk := &clipped{most: maxTalk}
	cmd := exec.CommandContext(limit, path)
	cmd.Args = append(append([]string{p.Name}, p.Args...), dir)
	cmd.Env, cmd.Dir = []string{}, dir
	cmd.Stdin, cmd.Stderr = bytes.NewReader(code), talk
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return false, err
	}
	if err := cmd.Wait(); err != nil {
		return true, p.explain(ctx, limit, err, talk.String(), wall)
	}
	return true, nil
}

// explain says why the process failed.
func (p Program) explain(ctx, limit context.Context, err error, talk string, wall time.Duration) error {
	var exit *exec.ExitError
	said, _, _ := strings.Cut(strings.TrimSpace(talk), "\n")
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limit.Err() != nil:
		return fmt.Errorf("it took longer than %v", wall)
	case errors.As(err, &exit) && exit.ExitCode() == exitFault && said != "":
		return errors.New(said)
	case outOfMemory(talk):
		return fmt.Errorf("it needs more than %d MiB of memory to compile", MaxMemory>>20)
	}
	return fmt.Errorf("the compiler ended with %w (a module may take %v of processor time and %d MiB of memory); it said: %s",
		err, MaxCPU, MaxMemory>>20, orNothing(said))
}

// exitFault is the exit code of a process that has said what was wrong.
const exitFault = 1

func outOfMemory(talk string) bool {
	return strings.Contains(talk, "out of memory") || strings.Contains(talk, "cannot allocate memory")
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// self is this program's file, even if it has been replaced since.
func self() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// Read is what the process does first: it bounds itself and reads the code.
func Read(in io.Reader) ([]byte, error) {
	if err := confine(MaxCPU, MaxMemory); err != nil {
		return nil, fmt.Errorf("bound the compiler: %w", err)
	}
	code, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(code) > maxInput {
		err = fmt.Errorf("the code has more than %d bytes", maxInput)
	}
	return code, err
}

// clipped keeps the beginning of what is written to it.
type clipped struct {
	bytes.Buffer
	most int
}

func (c *clipped) Write(p []byte) (int, error) {
	if room := c.most - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
