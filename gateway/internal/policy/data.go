package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"
	"go.yaml.in/yaml/v3"
)

// dataFile is one file of data, as an object from the root of data.
type dataFile struct {
	name string
	doc  map[string]any
}

// isDataFile reports whether a file of this name holds data.
func isDataFile(name string) bool {
	stem, ok := cutAny(name, ".json", ".yaml", ".yml")
	return ok && (stem == "data" || strings.HasSuffix(stem, ".data"))
}

func cutAny(s string, suffixes ...string) (string, bool) {
	for _, suffix := range suffixes {
		if stem, ok := strings.CutSuffix(s, suffix); ok {
			return stem, true
		}
	}
	return s, false
}

// addData merges a data file into data: data.json at the path of its folder, as in OPA's
// bundles, and NAME.data.json at the root, in any folder. Two files that define the same
// member are a fault: one of them would have no effect.
func (b *bundle) addData(t text) error {
	doc, err := readData(t)
	if err != nil {
		return err
	}
	if dir := path.Dir(t.path); dir != "." && strings.HasPrefix(path.Base(t.path), "data.") {
		for _, name := range slices.Backward(strings.Split(dir, "/")) {
			doc = map[string]any{name: doc}
		}
	}
	return b.mergeData(t.name, doc)
}

func (b *bundle) mergeData(name string, doc map[string]any) error {
	if at := merge(b.data, doc); at != nil {
		return Faults{{File: name, Message: fmt.Sprintf("data.%s is already defined by %s", strings.Join(at, "."), b.definedBy(at)),
			Hint: "delete one of the two, or give them different names"}}
	}
	b.dataFiles = append(b.dataFiles, dataFile{name, doc})
	return nil
}

// definedBy returns the file that first defined a path.
func (b *bundle) definedBy(at []string) string {
	for _, f := range b.dataFiles {
		if _, ok := lookup(f.doc, at); ok {
			return f.name
		}
	}
	return "another data file"
}

func lookup(v any, at []string) (any, bool) {
	for _, name := range at {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

func readData(t text) (map[string]any, error) {
	var v any
	var err error
	if strings.HasSuffix(t.path, ".json") {
		v, err = readJSON(t)
	} else {
		v, err = readYAML(t)
	}
	if err != nil {
		return nil, err
	}
	doc, ok := v.(map[string]any)
	if !ok {
		return nil, Faults{{File: t.name, Message: "must be an object"}}
	}
	return doc, nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func readJSON(t text) (any, error) {
	text := bytes.TrimPrefix(t.bytes, byteOrderMark)
	n, err := parseJSON(text)
	if err != nil {
		return nil, Faults{faultIn(t.name, text, err)}
	}
	return n.plain(), nil
}

// faultIn returns a fault at the position of err in a text.
func faultIn(name string, text []byte, err error) Fault {
	f := Fault{File: name, Message: err.Error()}
	var at *textFault
	if errors.As(err, &at) {
		f.Row, f.Col = rowCol(text, at.at)
	}
	return f
}

// readYAML parses YAML strictly, which finds duplicate members, before OPA's parser does.
func readYAML(t text) (v any, err error) {
	d := yaml.NewDecoder(bytes.NewReader(t.bytes))
	if err := d.Decode(&v); err != nil && err != io.EOF {
		return nil, Faults{yamlFault(t.name, err)}
	}
	if d.Decode(new(yaml.Node)) != io.EOF {
		return nil, Faults{{File: t.name, Message: "has more than one YAML document: only the first would be read"}}
	}
	v = nil
	if err := util.Unmarshal(t.bytes, &v); err != nil {
		return nil, Faults{yamlFault(t.name, err)}
	}
	return v, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

func yamlFault(name string, err error) Fault {
	f := Fault{File: name, Message: "invalid YAML: " + err.Error()}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		f.Row, _ = strconv.Atoi(m[1])
		f.Message = "invalid YAML: " + m[2]
	}
	return f
}

// merge adds src to dst and does not change src. It returns the path of a member that both
// have and that is not an object in both, nil when there is none.
func merge(dst, src map[string]any) []string {
	for _, name := range slices.Sorted(maps.Keys(src)) {
		added, areObjects := src[name].(map[string]any)
		old, taken := dst[name]
		if !taken {
			if dst[name] = src[name]; areObjects {
				dst[name] = cloned(added)
			}
			continue
		}
		members, isObject := old.(map[string]any)
		if !isObject || !areObjects {
			return []string{name}
		}
		if at := merge(members, added); at != nil {
			return append([]string{name}, at...)
		}
	}
	return nil
}

func cloned(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	merge(c, m)
	return c
}
