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

// compileCache keeps machine code: in memory while a module uses it, and in dir between runs.
// There it also keeps the metered code that machine code is made of.
type compileCache struct {
	code wazero.CompilationCache
	dir  string // empty: in memory only
	// compiler compiles in another process; nil without one.
	compiler Compiler
	log      *slog.Logger
	// lock is held by sending to it. It serializes compilations, so that a new file in dir
	// belongs to a known module.
	lock chan struct{}
	// warned logs once that plugins are compiled in this process.
	warned sync.Once
}

// Compiler compiles a module's metered code in a process of its own and leaves the machine
// code in the compile cache in dir. started is false when the process could not be started;
// else the error says what is wrong with the module, or which bound of time or memory it
// exceeded.
type Compiler func(ctx context.Context, dir string, code []byte) (started bool, err error)

// newCompileCache uses dir, which it creates if need be, or only memory if dir is empty.
func newCompileCache(dir string, apart Compiler, log *slog.Logger) (*compileCache, error) {
	c := &compileCache{dir: dir, compiler: apart, log: log, lock: make(chan struct{}, 1)}
	if dir == "" {
		c.code = wazero.NewCompilationCache()
		return c, nil
	}
	var err error
	if c.dir, err = filepath.Abs(dir); err != nil { // the other process may run in another directory
		return nil, err
	}
	if err = makePrivate(c.dir); err == nil {
		c.code, err = wazero.NewCompilationCacheWithDir(c.dir)
	}
	return c, err
}

// compiled is a module's machine code.
type compiled struct {
	code wazero.CompiledModule
	took time.Duration
	// stored reports that it was in dir: the library, which does not say so, writes to dir
	// what it compiles.
	stored bool
}

// compile compiles code or finds its machine code in the cache. When ctx ends first, compile
// returns; a compilation in this process then goes on, bounded by the bounds on modules.
func (c *compileCache) compile(ctx context.Context, r wazero.Runtime, code []byte, builtIn bool) (compiled, error) {
	select {
	case c.lock <- struct{}{}:
	case <-ctx.Done():
		return compiled{}, fmt.Errorf("compile: %w", ctx.Err())
	}
	before, began := c.files(), time.Now()
	if err := c.precompile(ctx, code, builtIn); err != nil {
		<-c.lock
		return compiled{}, err
	}
	done := make(chan compileResult, 1)
	go func() {
		defer func() { <-c.lock }()
		m, err := c.compileHere(context.WithoutCancel(ctx), r, code)
		done <- compileResult{compiled{m, time.Since(began), c.dir != "" && c.files() == before}, err}
	}()
	select {
	case made := <-done:
		return made.compiled, made.err
	case <-ctx.Done():
		go closeUnused(done)
		return compiled{}, fmt.Errorf("compile: %w", ctx.Err())
	}
}

// compileResult is a compilation and its outcome.
type compileResult struct {
	compiled
	err error
}

// closeUnused frees the result of a compilation whose caller has gone.
func closeUnused(done <-chan compileResult) {
	if made := <-done; made.err == nil {
		_ = made.code.Close(context.Background())
	}
}

// compileHere compiles in this process. Neither a panic of the compiler nor a cache that
// can't be read or written may crash the gateway.
func (c *compileCache) compileHere(ctx context.Context, r wazero.Runtime, code []byte) (m wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compile: the compiler panicked: %v", r)
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
	// What could not be written to the cache is still in memory.
	first := err
	if m, err = r.CompileModule(ctx, code); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	c.log.Warn("the compile cache does not work", "dir", c.dir, "err", first)
	return m, nil
}

// precompile compiles a plugin in another process, unless that has been done before. A module
// that takes too long, needs too much memory or crashes the compiler then does so there.
func (c *compileCache) precompile(ctx context.Context, code []byte, builtIn bool) error {
	if builtIn {
		return nil
	}
	if c.dir == "" || c.compiler == nil {
		c.warned.Do(func() {
			c.log.Info("plugins are compiled in this process: there is no compile cache on disk or no process to compile in")
		})
		return nil
	}
	marker := c.marker(code)
	if _, err := os.Lstat(marker); err == nil {
		return nil
	}
	started, err := c.compiler(ctx, c.dir, code)
	if !started {
		c.log.Warn("a plugin is compiled in this process: the compiler process could not be started", "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		c.log.Warn("the compile cache does not work", "dir", c.dir, "err", err)
	}
	return nil
}

// marker is the path of the file that marks code which this version of the compiler has
// compiled within its bounds.
func (c *compileCache) marker(code []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", compilerVersion())
	h.Write(code)
	return filepath.Join(c.dir, hex.EncodeToString(h.Sum(nil))+markerSuffix)
}

// markerSuffix ends the names of marker files.
const markerSuffix = ".compiles"

// eachFile calls fn for every file with machine code, which the library keeps in folders of its
// own below dir. Files that can't be read are skipped: the cache is optional.
func (c *compileCache) eachFile(fn func(path string)) {
	if c.dir == "" {
		return
	}
	_ = filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Dir(path) != c.dir {
			fn(path)
		}
		return nil
	})
}

// files counts the files with machine code.
func (c *compileCache) files() (n int) {
	c.eachFile(func(string) { n++ })
	return n
}

// clear removes all machine code from dir.
func (c *compileCache) clear() {
	c.eachFile(func(path string) { _ = os.Remove(path) })
}

// close frees the machine code after any running compilation.
func (c *compileCache) close(ctx context.Context) error {
	select {
	case c.lock <- struct{}{}:
		defer func() { <-c.lock }()
		return c.code.Close(ctx)
	case <-ctx.Done():
		return fmt.Errorf("close the compile cache: %w", ctx.Err())
	}
}
