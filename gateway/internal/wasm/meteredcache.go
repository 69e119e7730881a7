package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/atomicfile"
	"github.com/penstock/penstock/gateway/internal/wasm/fuel"
)

// meteredSuffix ends the names of files with metered code: its SHA-256, then the code.
const meteredSuffix = ".metered"

// metered returns the metered code of the module with this digest: from dir where an earlier
// load left it, which saves two fifths of a load, else newly made. The error says why the pass
// refuses the module. A dir that can't be read or written is no error.
func (c *compileCache) metered(sum [32]byte, charging fuel.Charging, m *fuel.Module) ([]byte, error) {
	if c.dir == "" {
		return m.Instrument(charging)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%d %d %x", fuel.Version, charging, sum))
	path := filepath.Join(c.dir, hex.EncodeToString(key[:])+meteredSuffix)
	if code, ok := readMetered(path); ok {
		return code, nil
	}
	code, err := m.Instrument(charging)
	if err != nil {
		return nil, err
	}
	c.prune(maxCache)
	check := sha256.Sum256(code)
	if err := atomicfile.Write(path, append(check[:], code...), 0o600); err != nil {
		c.log.Warn("the compile cache does not work", "dir", c.dir, "err", err)
	}
	return code, nil
}

// readMetered returns the code in a file that is whole, and notes that it is in use.
func readMetered(path string) ([]byte, bool) {
	file, err := os.ReadFile(path)
	if err != nil || len(file) < sha256.Size {
		return nil, false
	}
	code := file[sha256.Size:]
	if sha256.Sum256(code) != [sha256.Size]byte(file) {
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // for prune; an old time only means that the file is made anew
	return code, true
}

// maxCache is how many bytes dir may have before a module is added that is new there. The
// built-in module takes 25 MB of them.
const maxCache = 1 << 30

// prune removes the files that were used or written longest ago when dir has more than most
// bytes, until it has half of that. What is in use has been read already and is not harmed.
func (c *compileCache) prune(most int64) {
	type file struct {
		path string
		fs.FileInfo
	}
	var files []file
	var size int64
	_ = filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			files = append(files, file{path, info})
			size += info.Size()
		}
		return nil
	})
	if size <= most {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if size <= most/2 {
			return
		}
		if os.Remove(f.path) == nil {
			size -= f.Size()
		}
	}
}
