// Package atomicfile replaces files in one step: whoever reads one meanwhile, or after a crash,
// gets the old content or the new one, never a part.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write gives the file at path this content and these permissions. The content is on the disk
// before the file has its name; it is written beside the file, under a name that begins with a
// dot, which an error leaves removed. A symbolic link at path is replaced, not followed.
func Write(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
