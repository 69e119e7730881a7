package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// SettingsSchema returns the JSON Schema (draft 2020-12) of teams.yaml, limits.yaml or
// models.yaml by the name without .yaml. It describes the form of every setting; Check also
// checks what depends on other settings.
func SettingsSchema(name string) ([]byte, error) {
	types := map[string]any{"limits": limitSettings{}, "models": modelSettings{}, "teams": teamSettings{}}
	file, ok := types[name]
	if !ok {
		return nil, fmt.Errorf("no schema %q: %s", name, suggestion(name, settingsNames))
	}
	var w typeSchemas
	root := w.structure(reflect.TypeOf(file))
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://penstock.dev/schema/" + name + ".json"
	root["title"] = "Penstock " + name + ".yaml"
	root["type"] = []string{"object", "null"} // an empty file sets nothing
	root["$defs"] = w.defs
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of %s.yaml: %w", name, err)
	}
	return append(text, '\n'), nil
}

// typeSchemas describes types. Those that occur in several places are definitions.
type typeSchemas struct{ defs map[string]any }

func (w *typeSchemas) structure(t reflect.Type) map[string]any {
	properties := make(map[string]any)
	var required []string
	for _, f := range membersOf(t) {
		name := f.Tag.Get("yaml")
		s := w.of(f.Type)
		if s["$ref"] == nil || f.Tag.Get("doc") != "" {
			s["description"] = f.Tag.Get("doc")
		}
		if enum := strings.Fields(f.Tag.Get("enum")); len(enum) > 0 {
			s["enum"] = enum
		}
		if usual := f.Tag.Get("default"); usual != "" {
			s["default"] = usual
		}
		if f.Tag.Get("required") != "" {
			required = append(required, name)
		}
		properties[name] = s
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (w *typeSchemas) of(t reflect.Type) map[string]any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if own, ok := reflect.New(t).Interface().(notation); ok {
		return w.define(t, func() map[string]any { return own.schema() })
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.define(t, func() map[string]any { return w.structure(t) })
	case reflect.Map:
		s := map[string]any{"type": "object", "additionalProperties": w.member(t.Elem())}
		if key, ok := reflect.New(t.Key()).Interface().(notation); ok {
			names := w.define(t.Key(), key.schema)
			s["propertyNames"] = names
		}
		return s
	case reflect.Slice:
		return map[string]any{"type": "array", "items": w.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	}
	return map[string]any{"type": "string", "minLength": 1}
}

// member describes what a user's name stands for; a name may stand alone.
func (w *typeSchemas) member(t reflect.Type) map[string]any {
	s := w.of(t)
	if t.Kind() != reflect.Pointer {
		return s
	}
	if _, own := reflect.New(t.Elem()).Interface().(notation); own {
		return s
	}
	return map[string]any{"oneOf": []any{s, map[string]any{"type": "null"}}}
}

func (w *typeSchemas) define(t reflect.Type, describe func() map[string]any) map[string]any {
	if w.defs == nil {
		w.defs = make(map[string]any)
	}
	if w.defs[t.Name()] == nil {
		w.defs[t.Name()] = true // known while it is described
		w.defs[t.Name()] = describe()
	}
	return map[string]any{"$ref": "#/$defs/" + t.Name()}
}
