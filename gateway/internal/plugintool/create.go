package plugintool

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/sdk"
)

// Languages returns the languages that a project can be written in.
func Languages() []string { return sdk.Languages() }

// Kinds returns the kinds of plugin that a project can be.
func Kinds() []string { return sdk.Kinds() }

// Create writes a new project into the folder NAME, which must not exist, and returns
// the names of its files.
func Create(name, lang, kind string) ([]string, error) {
	project, err := sdk.Project(name, lang, kind)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(project)), writeProject(name, project)
}

// maxName is the length of a plugin's name, in bytes, as the configuration bounds it.
const maxName = 64

// CheckName checks a plugin's name by the configuration's rules, and that it can be the
// name of a folder.
func CheckName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	if name == "" || len(name) > maxName || strings.Trim(name, letters+"._-") != "" || !strings.Contains(letters, name[:1]) {
		return hint.Add(fmt.Errorf("%q cannot be the name of a plugin", name),
			"use at most %d small letters, digits, dots, dashes and underscores, a letter or digit first", maxName)
	}
	return nil
}

func writeProject(dir string, project map[string][]byte) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return hint.Add(fmt.Errorf("%s already exists and is not overwritten", dir), "give another name, or remove it first")
	}
	if err != nil {
		return fmt.Errorf("start project: %w", err)
	}
	for name, text := range project {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("start project: %w", err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("start project: %w", err)
		}
	}
	return nil
}
