package compiler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// TestMain lets tests start the test binary as a compiler that acts as its argument says.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[0] == "compiler" {
		os.Exit(compile(os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
}

// compile acts as a compiler does, or as a bad module makes it do.
func compile(action, dir string) int {
	code, err := Read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFault
	}
	switch action {
	case "copy":
		err = os.WriteFile(dir+"/out", append(code, fmt.Sprint(os.Environ())...), 0o600)
	case "refuse":
		err = errors.New("it is ill-typed\nand more")
	case "hang":
		<-time.After(time.Hour)
	case "allocate":
		var all [][]byte
		for {
			all = append(all, make([]byte, 256<<20))
			runtime.KeepAlive(all)
		}
	case "recurse":
		debug.SetMaxStack(1 << 20)
		return recurse(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFault
	}
	return 0
}

// recurse overflows the stack.
func recurse(n int) int {
	if n < 0 {
		return 0
	}
	return recurse(n+1) + n
}

func run(ctx context.Context, t *testing.T, action string, wall time.Duration) (string, bool, error) {
	t.Helper()
	dir := t.TempDir()
	started, err := Program{Name: "compiler", Args: []string{action}, Wall: wall}.Run(ctx, dir, []byte("code "))
	return dir, started, err
}

func TestTheProcessGetsTheCodeAndNoEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-canary")
	dir, started, err := run(t.Context(), t, "copy", 0)
	if err != nil || !started {
		t.Fatal(started, err)
	}
	if got, err := os.ReadFile(dir + "/out"); err != nil || string(got) != "code []" {
		t.Errorf("the process got %q, %v; want the code and nothing else", got, err)
	}
}

func TestFailuresAreErrors(t *testing.T) {
	for action, want := range map[string]string{
		"refuse":   "it is ill-typed",
		"allocate": "MiB of memory",
		"recurse":  "stack",
	} {
		_, started, err := run(t.Context(), t, action, 0)
		if !started || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want one line with %q", action, started, err, want)
		}
	}
}

func TestTheProcessIsStopped(t *testing.T) {
	_, started, err := run(t.Context(), t, "hang", 100*time.Millisecond)
	if !started || err == nil || !strings.Contains(err.Error(), "longer than 100ms") {
		t.Errorf("too long: %v, %v", started, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	if _, _, err := run(ctx, t, "hang", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("when the context is canceled: %v, want context.Canceled", err)
	}
}

func TestAProcessThatCannotStartSaysSo(t *testing.T) {
	p := Program{Name: "compiler"}
	if started, err := p.Run(t.Context(), t.TempDir()+"/missing", nil); started || err == nil {
		t.Errorf("in a folder that does not exist: %v, %v", started, err)
	}
}
