package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// Bounds of a policy folder.
const (
	maxFiles     = 1000
	maxFileBytes = 4 << 20
)

const (
	schemaFile  = "schema/input.json"
	builtinFile = "default.rego"
	builtinTest = "default_test.rego"
	// builtinDir stands before the names of the built-in files.
	builtinDir = "builtin/"
	testSuffix = "_test.rego"
)

// bundle is a parsed policy folder.
type bundle struct {
	modules   map[string]*ast.Module
	tests     map[string]*ast.Module
	data      map[string]any
	dataFiles []dataFile
	schema    any
	files     []string // policy and data files, sorted
	digest    string
	// settings are those of the settings files, nil without such files.
	settings *settings
	// places are where the settings' limits are written, by their names.
	places map[string]string
	// notes are what is valid but probably not meant.
	notes Faults
}

// text is one file. name is its path for messages, path the one within the folder.
type text struct {
	name, path string
	bytes      []byte
}

// decides reports whether a file has rules or settings: tests and data have no effect.
func (t text) decides() bool {
	return isSettings(t.path) || strings.HasSuffix(t.path, ".rego") && !strings.HasSuffix(t.path, testSuffix)
}

// load reads and parses the policy folder, or the built-in policy.
func load(src Source) (*bundle, error) {
	if src.FS == nil {
		return nil, errors.New("policy source: FS is required")
	}
	texts, err := src.texts()
	if err != nil {
		return nil, err
	}
	texts = withoutForeignTests(texts)
	b, faults := parse(texts)
	var more Faults
	b.settings, more = loadSettings(texts)
	if len(more) == 0 {
		more = b.addSettings(texts)
	}
	if faults = append(faults, more...); len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	if src.Roots != nil {
		if faults := b.outsideRoots(src.Roots); len(faults) > 0 {
			return nil, faults
		}
	}
	schema, err := fs.ReadFile(src.FS, schemaFile)
	if err != nil {
		return nil, fmt.Errorf("read input schema: %w", err)
	}
	if err := util.UnmarshalJSON(schema, &b.schema); err != nil {
		return nil, fmt.Errorf("parse %s: %w", schemaFile, err)
	}
	if b.settings == nil && !b.hasRules() {
		return nil, Faults{{File: src.Dir, Message: "no rule in the .rego files of this folder", Hint: "write rules of `package penstock`, or leave `policies` out for the built-in policy"}}
	}
	if err := b.setTables(); err != nil {
		return nil, err
	}
	if !src.builtin() {
		if texts, err = b.extend(src.FS, texts); err != nil {
			return nil, err
		}
	}
	b.digest = digest(texts, schema)
	return b, nil
}

// builtin reports whether the source is the built-in policy.
func (src Source) builtin() bool { return src.Dir == "" && src.Files == nil }

// With returns a source with its files and some others, which replace those of the same path. Of
// the built-in policy it is the others alone, which extend it.
func (src Source) With(files map[string]string) (Source, error) {
	if src.builtin() {
		return Source{Files: files, FS: src.FS}, nil
	}
	texts, err := src.texts()
	if err != nil {
		return Source{}, err
	}
	all := make(map[string]string, len(texts)+len(files))
	for _, t := range texts {
		all[t.path] = string(t.bytes)
	}
	maps.Copy(all, files)
	return Source{Files: all, FS: src.FS}, nil
}

// memory returns the files of a folder that is given in memory, sorted by name.
func (src Source) memory() (texts []text, err error) {
	var faults Faults
	if len(src.Files) > maxFiles {
		return nil, Faults{{File: src.Dir, Message: fmt.Sprintf("more than %d policy files", maxFiles)}}
	}
	for _, name := range slices.Sorted(maps.Keys(src.Files)) {
		if !fs.ValidPath(name) || !relevant(name) {
			faults = append(faults, Fault{File: path.Join(src.Dir, name), Message: "not a file of a policy folder", Hint: "name .rego, data.json and data.yaml files, teams.yaml, limits.yaml and models.yaml by their path within the folder"})
		}
		texts = append(texts, text{path.Join(src.Dir, name), name, []byte(src.Files[name])})
	}
	if len(faults) == 0 && !slices.ContainsFunc(texts, text.decides) {
		faults = Faults{{File: src.Dir, Message: "no .rego file with a policy among the files", Hint: "nor teams.yaml, limits.yaml or models.yaml"}}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return texts, nil
}

func (src Source) texts() ([]text, error) {
	if src.Files != nil {
		return src.memory()
	}
	if src.Dir == "" {
		return src.builtinTexts()
	}
	info, err := os.Stat(src.Dir)
	if err != nil {
		return nil, Faults{{File: src.Dir, Message: "no such folder", Hint: "name an existing folder of .rego files under `policies`, or leave it out for the built-in policy"}}
	}
	if !info.IsDir() {
		return nil, Faults{{File: src.Dir, Message: "not a folder", Hint: "name the folder with the .rego files"}}
	}
	texts, err := readFolder(os.DirFS(src.Dir), func(p string) string { return filepath.Join(src.Dir, filepath.FromSlash(p)) })
	if err == nil && !slices.ContainsFunc(texts, text.decides) {
		return nil, Faults{{File: src.Dir, Message: "no .rego file with a policy in this folder", Hint: "nor teams.yaml, limits.yaml or models.yaml"}}
	}
	return texts, err
}

// builtinTexts returns the built-in policy. Its rules for settings do nothing without any, so
// that only their tests need them.
func (src Source) builtinTexts() ([]text, error) {
	texts, err := readFolder(src.FS, func(p string) string { return "builtin/" + p })
	if src.whole {
		return texts, err
	}
	return slices.DeleteFunc(texts, func(t text) bool { return t.path != builtinFile && t.path != builtinTest }), err
}

// readFolder reads policy, test and data files. It skips names that start with a dot:
// Kubernetes keeps the files of a mounted folder under such names and links to them.
func readFolder(folder fs.FS, name func(string) string) ([]text, error) {
	var texts []text
	err := fs.WalkDir(folder, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("read policies: %w", err)
		case p != "." && strings.HasPrefix(d.Name(), "."):
			return skip(d)
		case d.IsDir() || !relevant(p):
			return nil
		case len(texts) == maxFiles:
			return Faults{{File: name("."), Message: fmt.Sprintf("more than %d policy files", maxFiles)}}
		}
		t, err := readText(folder, p, name(p))
		texts = append(texts, t)
		return err
	})
	return texts, err
}

func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func relevant(p string) bool {
	return strings.HasSuffix(p, ".rego") || isDataFile(path.Base(p)) || isSettings(p) || isMisplaced(p)
}

func readText(folder fs.FS, p, name string) (text, error) {
	f, err := folder.Open(p)
	if err != nil {
		return text{}, fmt.Errorf("read policies: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return text{}, fmt.Errorf("read policies: %w", err)
	}
	if len(b) > maxFileBytes {
		return text{}, Faults{{File: name, Message: fmt.Sprintf("larger than %d MiB", maxFileBytes>>20)}}
	}
	return text{name, p, b}, nil
}

// parse parses all files and returns the faults of all of them.
func parse(texts []text) (*bundle, Faults) {
	b := &bundle{modules: map[string]*ast.Module{}, tests: map[string]*ast.Module{}, data: map[string]any{}}
	var faults Faults
	for _, t := range texts {
		if err := b.add(t); err != nil {
			var fs Faults
			if !errors.As(err, &fs) {
				fs = faultsOf(err)
			}
			faults = append(faults, fs...)
		}
	}
	slices.Sort(b.files)
	faults.sort()
	return b, faults
}

func (b *bundle) add(t text) error {
	switch {
	case isMisplaced(t.path):
		b.notes = append(b.notes, misplacedNote(t))
		return nil
	case isSettings(t.path): // which loadSettings reads
		b.files = append(b.files, t.name)
		return nil
	}
	if !strings.HasSuffix(t.path, ".rego") {
		b.files = append(b.files, t.name)
		return b.addData(t)
	}
	m, err := ast.ParseModuleWithOpts(t.name, string(t.bytes), ast.ParserOptions{RegoVersion: ast.RegoV1})
	switch {
	case err != nil:
		return err
	case strings.HasSuffix(t.path, testSuffix):
		b.tests[t.name] = m
	default:
		b.files = append(b.files, t.name)
		b.modules[t.name] = m
	}
	return nil
}

func (b *bundle) hasRules() bool {
	for _, m := range b.modules {
		if len(m.Rules) > 0 {
			return true
		}
	}
	return false
}

// decision returns a rule that defines data.penstock.decision; nil if there is none.
func (b *bundle) decision() *ast.Rule {
	for _, name := range slices.Sorted(maps.Keys(b.modules)) {
		m := b.modules[name]
		for _, r := range m.Rules {
			if m.Package.Path.Extend(r.Head.Ref()).HasPrefix(decisionRef) {
				return r
			}
		}
	}
	return nil
}

// extend adds the built-in policy to a folder that does not define the decision, with the rules
// that its settings need. It leaves out the built-in tests, since the folder may change what
// they expect.
func (b *bundle) extend(builtin fs.FS, texts []text) ([]text, error) {
	if rule := b.decision(); rule != nil {
		if b.settings == nil {
			return texts, nil
		}
		return nil, b.settings.withoutEffect(rule)
	}
	added := []text{}
	err := fs.WalkDir(builtin, ".", func(p string, _ fs.DirEntry, err error) error {
		isRules := strings.HasSuffix(p, ".rego") && !strings.HasSuffix(p, testSuffix)
		if err != nil || !isRules || b.settings == nil && p != builtinFile {
			return err
		}
		t, err := readText(builtin, p, builtinDir+p)
		added = append(added, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the built-in policy: %w", err)
	}
	var modules []*ast.Module
	for _, t := range added {
		if err := b.add(t); err != nil {
			return nil, err
		}
		modules = append(modules, b.modules[t.name])
	}
	tables, _ := b.data[tablesRoot].(object)
	prune(modules, tables)
	b.dropEmpty(added)
	slices.Sort(b.files)
	return append(texts, added...), nil
}

// dropEmpty removes built-in files of which no rule is left.
func (b *bundle) dropEmpty(added []text) {
	for _, t := range added {
		if len(b.modules[t.name].Rules) == 0 {
			delete(b.modules, t.name)
			b.files = slices.DeleteFunc(b.files, func(name string) bool { return name == t.name })
		}
	}
}

// digest returns the revision of a policy: a hash of all its files.
func digest(texts []text, schema []byte) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%s %d\n%s", t.path, len(t.bytes), t.bytes)
	}
	h.Write(schema)
	return hex.EncodeToString(h.Sum(nil)[:6])
}
