package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
)

// compileCache keeps machine code: in memory as long as a module uses it, and in dir
// between runs.
type compileCache struct {
	code wazero.CompilationCache
	dir  string // empty: in memory only
	// apart compiles in another process; nil without one.
	apart Apart
	log   *slog.Logger
	// turn lets compilations come one by one, so that what is new in dir is known to be
	// a certain module's. It is held by whoever has put something in.
	turn chan struct{}
	// told has it said once that plugins are compiled in this process.
	told sync.Once
}

// Apart compiles a module's code, with fuel counting built in, in a process of its own
// and leaves what comes of it in the compile cache in dir. Started is false when there
// could be no such process; else the error says what is wrong with the module, or which
// bound of time or memory it has crossed.
type Apart func(ctx context.Context, dir string, code []byte) (started bool, err error)

// newCompileCache uses dir, which is made if need be, or memory only if it is empty.
func newCompileCache(dir string, apart Apart, log *slog.Logger) (*compileCache, error) {
	c := &compileCache{dir: dir, apart: apart, log: log, turn: make(chan struct{}, 1)}
	if dir == "" {
		c.code = wazero.NewCompilationCache()
		return c, nil
	}
	var err error
	if c.dir, err = filepath.Abs(dir); err != nil { // the process apart is elsewhere
		return nil, err
	}
	if err = private(c.dir); err == nil {
		c.code, err = wazero.NewCompilationCacheWithDir(c.dir)
	}
	return c, err
}

// compiled is a module's machine code and how it was come by.
type compiled struct {
	code wazero.CompiledModule
	took time.Duration
	// stored says that dir had it. The library does not tell; what it compiles, it
	// writes there.
	stored bool
}

// compile makes machine code, or finds it. When ctx ends first, compile returns, and what
// it has begun in this process ends by itself: the bounds on modules see to that.
func (c *compileCache) compile(ctx context.Context, r wazero.Runtime, code []byte, inside bool) (compiled, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return compiled{}, fmt.Errorf("compile: %w", ctx.Err())
	}
	before, began := c.files(), time.Now()
	if err := c.prove(ctx, code, inside); err != nil {
		<-c.turn
		return compiled{}, err
	}
	done := make(chan attempt, 1)
	go func() {
		defer func() { <-c.turn }()
		m, err := c.make(context.WithoutCancel(ctx), r, code)
		done <- attempt{compiled{m, time.Since(began), c.dir != "" && c.files() == before}, err}
	}()
	select {
	case made := <-done:
		return made.compiled, made.err
	case <-ctx.Done():
		go letGo(done)
		return compiled{}, fmt.Errorf("compile: %w", ctx.Err())
	}
}

// attempt is a compilation and its outcome.
type attempt struct {
	compiled
	err error
}

// letGo frees what comes of a compilation that nobody waits for any more.
func letGo(done <-chan attempt) {
	if made := <-done; made.err == nil {
		_ = made.code.Close(context.Background())
	}
}

// make compiles in this process. A fault of the compiler's own on a strange module must
// not take the gateway down, nor may a cache that can't be read or written.
func (c *compileCache) make(ctx context.Context, r wazero.Runtime, code []byte) (m wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compile: the compiler gave up: %v", r)
		}
	}()
	if m, err = r.CompileModule(ctx, code); err == nil {
		return m, nil
	}
	if c.dir == "" {
		return nil, fmt.Errorf("compile: %w", err)
	}
	if strings.Contains(err.Error(), "compilationcache:") { // a file there is broken
		c.clear()
	}
	// What could not be written to the cache is in memory all the same.
	first := err
	if m, err = r.CompileModule(ctx, code); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	c.log.Warn("the compile cache does not work", "dir", c.dir, "err", first)
	return m, nil
}

// prove has a module compiled apart, unless that has been done before: what takes too
// long, needs too much memory or ends the process then does so there. The gateway's own
// needs no proof.
func (c *compileCache) prove(ctx context.Context, code []byte, inside bool) error {
	if inside {
		return nil
	}
	if c.dir == "" || c.apart == nil {
		c.told.Do(func() {
			c.log.Info("plugins are compiled in this process: there is no other one to do it in, or no cache to take it over from")
		})
		return nil
	}
	mark := c.mark(code)
	if _, err := os.Lstat(mark); err == nil {
		return nil
	}
	started, err := c.apart(ctx, c.dir, code)
	if !started {
		c.log.Warn("a plugin is compiled in this process: no other one could be started", "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		c.log.Warn("the compile cache does not work", "dir", c.dir, "err", err)
	}
	return nil
}

// mark is the file whose being there says that this compiler has compiled this code
// within its bounds.
func (c *compileCache) mark(code []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", compilerVersion())
	h.Write(code)
	return filepath.Join(c.dir, hex.EncodeToString(h.Sum(nil))+marked)
}

// marked ends the names of marks, which hold no machine code.
const marked = ".compiles"

// machineCode calls fn for every file with machine code in dir. What can't be read is
// not there: a cache that does not work is no reason to stop.
func (c *compileCache) machineCode(fn func(path string)) {
	if c.dir == "" {
		return
	}
	_ = filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasSuffix(path, marked) {
			fn(path)
		}
		return nil
	})
}

// files counts those with machine code.
func (c *compileCache) files() (n int) {
	c.machineCode(func(string) { n++ })
	return n
}

// clear removes all machine code from dir.
func (c *compileCache) clear() {
	c.machineCode(func(path string) { _ = os.Remove(path) })
}

// close lets the machine code go, once nothing is being compiled any more.
func (c *compileCache) close(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
		return c.code.Close(ctx)
	case <-ctx.Done():
		return fmt.Errorf("close the compile cache: %w", ctx.Err())
	}
}
