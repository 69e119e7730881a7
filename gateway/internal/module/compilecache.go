package module

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
)

// compileCache keeps machine code: in memory as long as a module uses it, and in dir
// between runs.
type compileCache struct {
	code wazero.CompilationCache
	dir  string // empty: in memory only
	// turn lets compilations come one by one, so that what is new in dir is known to be
	// a certain module's.
	turn sync.Mutex
}

// newCompileCache uses dir, which is made if need be, or memory only if it is empty.
func newCompileCache(dir string) (*compileCache, error) {
	if dir == "" {
		return &compileCache{code: wazero.NewCompilationCache()}, nil
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	c, err := wazero.NewCompilationCacheWithDir(dir)
	return &compileCache{code: c, dir: dir}, err
}

// private makes the directory, or refuses one that others can write to: they could
// put machine code there for the gateway to run.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&fs.FileMode(0o022) != 0 {
		return fmt.Errorf("other users can write to %s: run chmod 700 on it", dir)
	}
	return nil
}

// compiled is a module's machine code and how it was come by.
type compiled struct {
	code wazero.CompiledModule
	took time.Duration
	// stored says that dir had it. The library does not tell; what it compiles, it
	// writes there.
	stored bool
}

func (c *compileCache) compile(ctx context.Context, r wazero.Runtime, code []byte) (compiled, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	before, began := c.files(), time.Now()
	m, err := r.CompileModule(ctx, code)
	if err != nil {
		return compiled{}, fmt.Errorf("compile: %w", err)
	}
	return compiled{m, time.Since(began), c.dir != "" && c.files() == before}, nil
}

// files counts those in dir. One that can't be read has none: a cache that does not
// work is no reason to stop.
func (c *compileCache) files() (n int) {
	if c.dir == "" {
		return 0
	}
	_ = filepath.WalkDir(c.dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return nil
	})
	return n
}
