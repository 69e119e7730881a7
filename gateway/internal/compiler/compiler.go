// Package compiler compiles a Wasm module in a separate process: this program, started
// with another command line. A module that makes the compiler run for minutes, exhausts
// the memory or crashes it does not harm the gateway.
//
// The process is started only while plugins are loaded, never for a request.
package compiler

import (
	"bytes"
	"cmp"
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
	// MaxWall is the time that it may take.
	MaxWall = 2 * time.Minute
	// MaxMemory is its address space in bytes, of which Go's runtime reserves some hundred
	// MiB that it does not use.
	MaxMemory = 3 << 30
	// maxInput is the largest module it reads, in bytes.
	maxInput = 64 << 20
	// maxOutput is how much of its error output is kept, in bytes.
	maxOutput = 4 << 10
)

// Program is the command line of the process.
type Program struct {
	// Name is the program's name, its argument 0.
	Name string
	// Args come before the folder, which is the last argument.
	Args []string
	// Wall is the time that the process may take; zero means MaxWall.
	Wall time.Duration
}

// Run passes code to the process, which writes its result into dir. Started is false if
// the process could not be started. Any other error is the process's error output, the
// bound that it exceeded, or ctx's error. The process has no environment, and so no
// secrets.
func (p Program) Run(ctx context.Context, dir string, code []byte) (started bool, err error) {
	wall := p.Wall
	if wall == 0 {
		wall = MaxWall
	}
	limit, stop := context.WithTimeout(ctx, wall)
	defer stop()
	path, err := executable()
	if err != nil {
		return false, err
	}
	output := &prefixWriter{max: maxOutput}
	cmd := exec.CommandContext(limit, path)
	cmd.Args = append(append([]string{p.Name}, p.Args...), dir)
	cmd.Env, cmd.Dir = []string{}, dir
	cmd.Stdin, cmd.Stderr = bytes.NewReader(code), output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return false, err
	}
	if err := cmd.Wait(); err != nil {
		return true, runError(ctx, limit, err, output.String(), wall)
	}
	return true, nil
}

// runError returns the error for a process that failed.
func runError(ctx, limit context.Context, err error, output string, wall time.Duration) error {
	var exit *exec.ExitError
	line, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limit.Err() != nil:
		return fmt.Errorf("it took longer than %v", wall)
	case errors.As(err, &exit) && exit.ExitCode() == exitFault && line != "":
		return errors.New(line)
	case outOfMemory(output):
		return fmt.Errorf("it needs more than %d MiB of memory to compile", MaxMemory>>20)
	}
	return fmt.Errorf("the compiler ended with %w (a module may take %v of processor time and %d MiB of memory); its output: %s",
		err, MaxCPU, MaxMemory>>20, cmp.Or(line, "none"))
}

// exitFault is the exit code of a process that has written its error.
const exitFault = 1

func outOfMemory(output string) bool {
	return strings.Contains(output, "out of memory") || strings.Contains(output, "cannot allocate memory")
}

// executable returns the path of this program, even if its file was replaced since.
func executable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// Read is called by the process first: it sets the bounds and reads the code.
func Read(in io.Reader) ([]byte, error) {
	if err := confine(MaxCPU, MaxMemory); err != nil {
		return nil, fmt.Errorf("set the limits of the compiler: %w", err)
	}
	code, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(code) > maxInput {
		err = fmt.Errorf("the code has more than %d bytes", maxInput)
	}
	return code, err
}

// prefixWriter keeps the first max bytes that are written to it.
type prefixWriter struct {
	bytes.Buffer
	max int
}

// Write implements io.Writer.
func (w *prefixWriter) Write(p []byte) (int, error) {
	if room := w.max - w.Len(); room > 0 {
		w.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
