// Package generated is how the programs that generate files write them, or check that they are up
// to date.
package generated

import (
	"bytes"
	"fmt"
	"os"
)

// Finish writes a file, or, to check, returns an error if it has another content. The command is
// the one that writes it.
func Finish(path string, content []byte, check bool, command string) error {
	if !check {
		return os.WriteFile(path, content, 0o644)
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, content) {
		return fmt.Errorf("%s is out of date: run %s", path, command)
	}
	return nil
}
