package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"github.com/penstock/penstock/gateway/internal/atomicfile"
)

// Stored is a bundle on disk.
type Stored struct {
	// URL is where it came from, without what may be a credential, ETag its version there.
	URL  string `json:"url"`
	ETag string `json:"etag,omitempty"`
	// Archive is the bundle as the server sent it.
	Archive []byte `json:"-"`
}

// Save replaces the bundle in a file at once: whoever reads it gets the old or the new one, also
// after a crash. The file has a line of JSON before the archive.
func Save(path string, s Stored) error {
	head, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, append(append(head, '\n'), s.Archive...), 0o600); err != nil {
		return fmt.Errorf("store policy bundle: %w", err)
	}
	return nil
}

// Load returns the bundle in a file. One from another address counts as none, for which the
// error is fs.ErrNotExist.
func Load(path, url string) (Stored, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Stored{}, fmt.Errorf("read stored policy bundle: %w", err)
	}
	head, archive, ok := bytes.Cut(text, []byte("\n"))
	var s Stored
	if !ok || json.Unmarshal(head, &s) != nil {
		return Stored{}, fmt.Errorf("read stored policy bundle: %s has another form; delete it", path)
	}
	if s.URL != url {
		return Stored{}, fmt.Errorf("read stored policy bundle: %w: the stored one is from %s", fs.ErrNotExist, s.URL)
	}
	s.Archive = archive
	return s, nil
}
