package policy

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/penstock/penstock/gateway/internal/atomicfile"
)

// Format returns the text of a .rego file in OPA's format. The result parses, and has
// as many rules. The error has Faults with the name when the text does not parse as Rego v1.
func Format(name string, src []byte) ([]byte, error) {
	if len(src) > maxFileBytes {
		return nil, Faults{{File: name, Message: fmt.Sprintf("larger than %d MiB", maxFileBytes>>20)}}
	}
	before, err := parseModule(name, src)
	if err != nil {
		return nil, err
	}
	options := ast.ParserOptions{RegoVersion: ast.RegoV1}
	out, err := format.SourceWithOpts(name, src, format.Opts{RegoVersion: ast.RegoV1, ParserOptions: &options})
	if err != nil {
		return nil, faultsOf(err)
	}
	after, err := parseModule(name, out)
	if err != nil || len(after.Rules) != len(before.Rules) {
		return nil, Faults{{File: name, Message: "formatting would lose rules, so it was left as it is", Hint: "this is a fault of the formatter: format this file by hand"}}
	}
	return out, nil
}

func parseModule(name string, src []byte) (*ast.Module, error) {
	m, err := ast.ParseModuleWithOpts(name, string(src), ast.ParserOptions{RegoVersion: ast.RegoV1})
	switch {
	case err != nil:
		return nil, faultsOf(err)
	case m == nil:
		return nil, Faults{{File: name, Message: "has no package", Hint: "begin it with `package penstock`"}}
	}
	return m, nil
}

// RegoFiles returns the .rego files that are named, or are in the named folders, sorted and
// without repetition. Within folders it skips names that start with a dot.
func RegoFiles(ctx context.Context, paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		found, err := regoFilesIn(ctx, path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func regoFilesIn(ctx context.Context, root string) (files []string, err error) {
	root = filepath.Clean(root)
	info, err := os.Stat(root)
	switch {
	case err != nil:
		return nil, Faults{{File: root, Message: "no such file or folder"}}
	case !info.IsDir() && !strings.HasSuffix(root, ".rego"):
		return nil, Faults{{File: root, Message: "not a .rego file"}}
	case !info.IsDir():
		return []string{root}, nil
	}
	err = fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case p != "." && strings.HasPrefix(d.Name(), "."):
			return skip(d)
		case d.IsDir() || !strings.HasSuffix(d.Name(), ".rego"):
			return nil
		case len(files) == maxFiles:
			return Faults{{File: root, Message: fmt.Sprintf("more than %d .rego files", maxFiles)}}
		}
		files = append(files, filepath.Join(root, filepath.FromSlash(p)))
		return nil
	})
	if err == nil && len(files) == 0 {
		return nil, Faults{{File: root, Message: "no .rego file in this folder"}}
	}
	return files, err
}

// FormatFile formats a file in place and returns what it had and has. With write unset it
// changes nothing. A file that differs is replaced as a whole, with its mode; a symbolic link
// stays one.
func FormatFile(path string, write bool) (before, after []byte, err error) {
	at, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(at)
	if err != nil {
		return nil, nil, err
	}
	if before, err = os.ReadFile(at); err != nil {
		return nil, nil, err
	}
	if after, err = Format(path, before); err != nil || !write || bytes.Equal(before, after) {
		return before, after, err
	}
	if err := atomicfile.Write(at, after, info.Mode().Perm()); err != nil {
		return nil, nil, fmt.Errorf("write %s: %w", at, err)
	}
	return before, after, nil
}
