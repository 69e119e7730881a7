package plugintool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
)

// Inspection is what is known of a module.
type Inspection = wasm.Inspection

// Inspect reads a module's file without running it.
func Inspect(file string) (*Inspection, error) {
	binary, err := readModule(file)
	if err != nil {
		return nil, err
	}
	sheet, err := wasm.Inspect(binary, cases.CheckTests)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return sheet, nil
}

func readModule(file string) ([]byte, error) {
	binary, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Add(fmt.Errorf("there is no module %s", file), "penstock plugin build makes it")
	}
	return binary, err
}

// moduleName is the name of a module that has no project.
func moduleName(file string) string {
	return strings.TrimSuffix(filepath.Base(file), ".wasm")
}
