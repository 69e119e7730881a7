package policy

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// isMisplaced reports whether a file is named like a settings file, but not read: it is not at
// the root of the folder, or it has another suffix.
func isMisplaced(p string) bool {
	stem, ok := cutAny(path.Base(p), ".yaml", ".yml")
	return ok && slices.Contains(settingsNames, stem) && !isSettings(p)
}

func misplacedNote(t text) Fault {
	stem, _ := cutAny(path.Base(t.path), ".yaml", ".yml")
	f := Fault{File: t.name, Message: "is not read: settings are read from " + stem + ".yaml at the root of the policies folder only"}
	if path.Dir(t.path) != "." {
		f.Message += "; the tests beside it are not run"
	}
	return f
}

// withoutForeignTests removes the tests of subfolders that have settings: they test these, which
// are not in force.
func withoutForeignTests(texts []text) []text {
	foreign := make(map[string]bool)
	for _, t := range texts {
		if dir := path.Dir(t.path); dir != "." && isMisplaced(t.path) {
			foreign[dir] = true
		}
	}
	return slices.DeleteFunc(texts, func(t text) bool {
		return strings.HasSuffix(t.path, testSuffix) && foreign[path.Dir(t.path)]
	})
}

// addSettings puts settings that have been read into data as they are written, so that a
// folder's own rules can look into them: teams.yaml is data.teams.
func (b *bundle) addSettings(texts []text) (faults Faults) {
	for _, t := range texts {
		if !isSettings(t.path) {
			continue
		}
		doc := map[string]any{}
		if err := util.Unmarshal(t.bytes, &doc); err != nil {
			faults = append(faults, yamlFault(t.name, err))
			continue
		}
		name := strings.TrimSuffix(t.path, ".yaml")
		var clash Faults
		if err := b.mergeData(t.name, map[string]any{name: doc}); errors.As(err, &clash) {
			faults = append(faults, clash...)
		}
	}
	return faults
}

// setTables puts the tables of the settings into data. Rules of package penstock.settings need
// tables even without settings.
func (b *bundle) setTables() error {
	if _, taken := b.data[tablesRoot]; taken {
		return Faults{{File: b.definedBy([]string{tablesRoot}), Message: "data." + tablesRoot + " is what the gateway makes of teams.yaml, limits.yaml and models.yaml", Hint: "use another name"}}
	}
	switch {
	case b.settings != nil:
		b.data[tablesRoot], b.places = b.settings.tabulate()
	case b.hasSettingRules():
		b.data[tablesRoot] = emptyTables()
	}
	return nil
}

func (b *bundle) hasSettingRules() bool {
	for _, m := range b.modules {
		if m.Package.Path.Equal(settingsRef) {
			return true
		}
	}
	return false
}

// withoutEffect is the fault of settings in a folder that makes its own decision.
func (s *settings) withoutEffect(decision *ast.Rule) Faults {
	var faults Faults
	for _, name := range []string{s.teamsName, s.limitsName, s.modelsName} {
		if name != "" {
			faults = append(faults, Fault{File: name, Message: fmt.Sprintf("has no effect: %s:%d defines the decision itself", decision.Loc().File, decision.Loc().Row),
				Hint: "delete that rule, so that the folder extends the built-in policy, or delete this file"})
		}
	}
	return faults
}

// tagNames returns the tags with settings, sorted.
func (s *settings) tagNames() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.limits.Tags))
}

// endedRaises are the notes on raises that are over.
func (s *settings) endedRaises(now time.Time) (notes Faults) {
	if s == nil {
		return nil
	}
	today := now.Format(time.DateOnly)
	for i, r := range s.limits.Raises {
		if string(r.Until) < today {
			notes = append(notes, Fault{File: s.limitsName, Row: r.row, Col: r.col, Message: fmt.Sprintf("raises[%d]: ended on %s and has no effect: delete it", i, r.Until)})
		}
	}
	return notes
}

// Notes returns what is valid in a policy folder but probably not meant, one a line: raises
// that are over, and files that are not read. A folder that is not valid has none; Check says
// what is wrong.
func Notes(src Source, now time.Time) []string {
	b, err := load(src)
	if err != nil {
		return nil
	}
	var list []string
	for _, n := range append(b.notes, b.settings.endedRaises(now)...) {
		list = append(list, strings.ReplaceAll(n.String(), "\n", " "))
	}
	return list
}
