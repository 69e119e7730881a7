package plugintool

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
)

// Tests are a module and the cases that it must pass.
type Tests struct {
	spec wasm.Spec
	// cases and files belong together.
	cases []cases.Case
	files []string
	// dir is the folder for new cases.
	dir string
}

// Name returns the name of the module.
func (t *Tests) Name() string { return t.spec.Name }

// ErrArguments is the error for arguments that do not name one module and its cases.
var ErrArguments = errors.New("wrong arguments")

// FindTests reads the cases in files, or of the project in a folder; without either it is
// the current folder. Module is the module's file; empty means the project's.
func FindTests(args []string, module string) (*Tests, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	info, err := os.Stat(args[0])
	if err != nil {
		return nil, err
	}
	t := &Tests{dir: filepath.Dir(args[0])}
	files := args
	if info.IsDir() {
		if len(args) > 1 {
			return nil, argumentError{errors.New("plugin test takes one folder, or files")}
		}
		if module, err = t.useFolder(args[0], module); err != nil {
			return nil, err
		}
		if files, err = filepath.Glob(filepath.Join(t.dir, "*.json")); err != nil {
			return nil, err
		}
	}
	if module == "" {
		return nil, argumentError{hint.Add(errors.New("which module should pass these cases?"), "name it: --module FILE")}
	}
	return t, t.read(module, files)
}

// useFolder makes a folder the one of the cases, its tests if it is a project, and
// returns the module.
func (t *Tests) useFolder(dir, module string) (string, error) {
	t.dir = dir
	p, err := Open(dir)
	switch {
	case err == nil:
		t.dir = filepath.Join(dir, "tests")
		t.spec.Name, t.spec.Grants = p.Name, p.Grants
		return cmp.Or(module, p.Module()), nil
	case module == "":
		return "", err
	}
	return module, nil
}

// ReadTests reads a module and the cases in files.
func ReadTests(module string, files []string) (*Tests, error) {
	t := &Tests{}
	return t, t.read(module, files)
}

func (t *Tests) read(module string, files []string) (err error) {
	t.spec.Name = cmp.Or(t.spec.Name, moduleName(module))
	if t.spec.Wasm, err = readModule(module); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		more, err := cases.Parse(file, text)
		if err != nil {
			return hint.Add(err, "sdk/conformance/README.md says what a case looks like")
		}
		for _, c := range more {
			t.cases, t.files = append(t.cases, c), append(t.files, file)
		}
	}
	if len(t.cases) == 0 {
		return hint.Add(fmt.Errorf("there are no cases in %s", t.dir), "write one as tests/first.json; sdk/conformance/README.md says how")
	}
	return nil
}

// argumentError is an ErrArguments that says what is wrong.
type argumentError struct{ error }

func (e argumentError) Unwrap() error { return e.error }

// Is implements the contract of errors.Is.
func (e argumentError) Is(target error) bool { return target == ErrArguments }
