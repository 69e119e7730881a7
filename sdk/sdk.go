// Package sdk carries the plugin SDKs inside the binary, with a starting project for
// every language and kind of plugin, so that a first plugin needs no registry and no
// network. It hands out files; it neither writes nor builds them.
package sdk

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// files are the SDKs' sources and the starters. The sources are named one by one: an
// SDK's folder may also hold a toolchain, examples and what was built from them.
//
//go:embed starters
//go:embed go/*.go go/plugin.mk
//go:embed rust/src rust/plugin.mk c/*.h c/plugin.mk
//go:embed zig/src/*.zig zig/plugin.mk zig/requirements.txt
//go:embed assemblyscript/penstock assemblyscript/plugin.mk assemblyscript/package.json assemblyscript/package-lock.json
var files embed.FS

// Languages are those in which a project can be started, in alphabetical order.
func Languages() []string { return folders("starters/languages") }

// Kinds are the kinds of plugins that a project can be started as, in alphabetical
// order.
func Kinds() []string { return folders("starters/kinds") }

func folders(dir string) []string {
	entries, err := files.ReadDir(dir)
	if err != nil {
		panic(err) // the folder is compiled in
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// Project is a new plugin's project: the content of its files by their slash-separated
// paths. Its source does something short and sensible for its kind, its tests pass,
// and the SDK's sources lie in its folder sdk.
//
// The name goes into the files as it is: it must be one that a configuration accepts.
func Project(name, lang, kind string) (map[string][]byte, error) {
	if !slices.Contains(Languages(), lang) {
		return nil, fmt.Errorf("there is no SDK for the language %q", lang)
	}
	if !slices.Contains(Kinds(), kind) {
		return nil, fmt.Errorf("there is no kind of plugin called %q", kind)
	}
	source, err := sourceName(lang, kind)
	if err != nil {
		return nil, err
	}
	p := project{files: map[string][]byte{}, words: strings.NewReplacer(
		"@name@", name, "@lang@", lang, "@kind@", kind, "@source@", source)}
	for _, dir := range []string{
		"starters/project", "starters/kinds/" + kind, "starters/languages/" + lang, "starters/languages/" + lang + "/" + kind,
	} {
		if err := p.add(dir, ""); err != nil {
			return nil, err
		}
	}
	return p.files, p.addSDK(lang)
}

// sourceName is the plugin's own source: the one file that a language's starter of a
// kind consists of.
func sourceName(lang, kind string) (string, error) {
	entries, err := files.ReadDir("starters/languages/" + lang + "/" + kind)
	if err != nil {
		return "", fmt.Errorf("there is no %s in %s to start from: %w", kind, lang, err)
	}
	return finalName(entries[0].Name()), nil
}

// project collects files.
type project struct {
	files map[string][]byte
	words *strings.Replacer
}

// add puts a starter's files, and those of its folders other than kinds, into the
// project.
func (p project) add(from, to string) error {
	entries, err := files.ReadDir(from)
	if err != nil {
		return fmt.Errorf("read starter: %w", err)
	}
	for _, e := range entries {
		src, dst := path.Join(from, e.Name()), path.Join(to, finalName(e.Name()))
		switch {
		case !e.IsDir():
			text, err := files.ReadFile(src)
			if err != nil {
				return fmt.Errorf("read starter: %w", err)
			}
			p.files[dst] = []byte(p.words.Replace(string(text)))
		case !slices.Contains(Kinds(), e.Name()):
			if err := p.add(src, dst); err != nil {
				return err
			}
		}
	}
	return nil
}

// finalName is what a starter's file is called in a project. The compiler would take
// Go files and modules for its own if they had their names here, and passes over
// files that begin with a dot.
func finalName(name string) string {
	name = strings.TrimSuffix(name, ".txt")
	if name == "gitignore" {
		return ".gitignore"
	}
	return name
}

// addSDK puts an SDK's sources into the project, without their tests.
func (p project) addSDK(lang string) error {
	return fs.WalkDir(files, lang, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := files.ReadFile(name)
		p.files["sdk/"+strings.TrimPrefix(name, lang+"/")] = text
		return err
	})
}
