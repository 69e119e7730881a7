package config

import (
	"embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Example returns a commented configuration to start from. It loads without a fault and
// serves the demo model.
func Example() []byte { return []byte(exampleFile) }

//go:embed example.yaml
var exampleFile string

// configSource is the source of this package's types: the comments on their fields become
// the descriptions that editors show.
//
//go:embed config.go decisionlog.go identity.go model.go policies.go telemetry.go when.go
var configSource embed.FS

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, for editors.
// It describes the form of every setting. Only Load checks what depends on other settings
// or on other files, such as a target's provider or a secret.
func Schema() ([]byte, error) {
	lookup, err := comments()
	if err != nil {
		return nil, fmt.Errorf("read the comments on settings: %w", err)
	}
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true,
		Anonymous: true, Mapper: schemaOf, LookupComment: lookup,
	}
	s := r.Reflect(Config{})
	s.Title = "Penstock configuration"
	allowEmpty(s)
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(b, '\n'), nil
}

// schemaOf describes the types that have their own notation in the file.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			pattern(`^([0-9]+d|([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+|0)$`, "15s", "10m", "1h"), {Const: 0},
		}}
	case reflect.TypeFor[Bytes]():
		return pattern(`^[0-9]+(\.[0-9]+)? *(B|kB|MB|GB|KiB|MiB|GiB)$`, "32MiB")
	case reflect.TypeFor[Span]():
		return pattern(`^[0-9.a-zµ]+\.\.[0-9.a-zµ]+$`, "200ms..5s")
	case reflect.TypeFor[Origin]():
		return pattern(`^(\*|[a-z][a-z0-9+.-]*://[^/?#@*A-Z\s]+)$`, "https://app.example.com", "*")
	case reflect.TypeFor[MediaHost]():
		return pattern(`^(\*\.)?([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?$`, "images.example.com", "*.example.com")
	case reflect.TypeFor[Network]():
		return pattern(`^[0-9a-fA-F:.]+/[0-9]+$`, "10.1.0.0/16")
	case reflect.TypeFor[LedgerURL]():
		return pattern(`^sqlite://[^?#]+$`, "sqlite://penstock.db")
	case reflect.TypeFor[TimeZone]():
		return pattern(`^[A-Za-z][A-Za-z0-9_+/-]*$`, "UTC", "Europe/Berlin")
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"env:OPENAI_API_KEY", "file:/run/secrets/openai"}}
	case reflect.TypeFor[Dollars]():
		return &jsonschema.Schema{Type: "number", Minimum: "0"}
	case reflect.TypeFor[Object]():
		return &jsonschema.Schema{Type: "object"}
	case reflect.TypeFor[KeyMode]():
		return enum(KeysRequired, KeysOptional, KeysOff)
	case reflect.TypeFor[AdminAuth]():
		return enum(AuthLoopback, AuthKey)
	case reflect.TypeFor[SignatureAlgorithm]():
		return enum(signatureAlgorithms()...)
	case reflect.TypeFor[LedgerSync]():
		return enum(SyncNormal, SyncFull)
	case reflect.TypeFor[LedgerFailure]():
		return enum(LedgerRefuse, LedgerServe)
	case reflect.TypeFor[Unpriced]():
		return enum(UnpricedAllow, UnpricedDeny)
	case reflect.TypeFor[PromptCache]():
		return enum(PromptCacheAuto, PromptCacheOff)
	case reflect.TypeFor[Empty]():
		return enum(EmptyFallback, EmptyPass)
	case reflect.TypeFor[Check]():
		return enum(llm.Checks()...)
	case reflect.TypeFor[Resume]():
		return enum(ResumeAuto, ResumeOff)
	case reflect.TypeFor[ProbeAsk]():
		return enum(ProbeModels, ProbeCompletion)
	case reflect.TypeFor[Abandoned]():
		return enum(CancelAbandoned, DrainAbandoned)
	case reflect.TypeFor[Hold]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "0", Maximum: json.Number(strconv.Itoa(maxHold))}, {Type: "string", Enum: []any{"all"}}}}
	case reflect.TypeFor[Unsupported]():
		return enum(DropUnsupported, RejectUnsupported)
	case reflect.TypeFor[OutputLimit]():
		return enum(OutputAuto, OutputLimit(llm.OldName), OutputLimit(llm.NewName))
	case reflect.TypeFor[StreamUsage]():
		return enum(llm.StreamUsageAuto, llm.StreamUsageOn, llm.StreamUsageOff)
	case reflect.TypeFor[Pace]():
		return &jsonschema.Schema{Type: "string", Pattern: `^0*([1-9][0-9]{0,3}|10000)/s$`}
	case reflect.TypeFor[Coalesce]():
		return enum(CoalesceOn, CoalesceOff)
	case reflect.TypeFor[SimilarMode]():
		return enum(similarModes()...)
	case reflect.TypeFor[Switch]():
		return enum(On, Off)
	case reflect.TypeFor[LogFormat]():
		return enum(LogText, LogJSON)
	case reflect.TypeFor[LogLevel]():
		return enum(LogDebug, LogInfo, LogWarn, LogError)
	case reflect.TypeFor[Event]():
		return enum(events()...)
	case reflect.TypeFor[State]():
		return enum("memory")
	case reflect.TypeFor[Grant]():
		return enum(grants()...)
	case reflect.TypeFor[llm.Dialect](): // may also be a plugin's name
		return &jsonschema.Schema{Type: "string", Examples: examples(builtinDialects())}
	case reflect.TypeFor[Isolation]():
		return enum(IsolateCall)
	case reflect.TypeFor[ErrorMode]():
		return enum(Skip, Fail)
	case reflect.TypeFor[PublicKey]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[A-Za-z0-9+/]{43}=$`}
	case reflect.TypeFor[OneOf]():
		return oneOrMore(&jsonschema.Schema{Type: "string", Pattern: `.`, Examples: []any{"search", "support-*"}})
	case reflect.TypeFor[OneOrMore]():
		return oneOrMore(&jsonschema.Schema{Type: "string", Pattern: `.`})
	case reflect.TypeFor[Algorithm]():
		return enum(algorithms()...)
	case reflect.TypeFor[ClaimValues]():
		return oneOrMore(&jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string", Pattern: `.`}, {Type: "number"}, {Type: "boolean"}}})
	case reflect.TypeFor[Endpoints]():
		return oneOrMore(enum(endpointNames()...))
	case reflect.TypeFor[Dialects]():
		return oneOrMore(schemaOf(reflect.TypeFor[llm.Dialect]()))
	case reflect.TypeFor[TokenRange]():
		return pattern(`^([<>]=? *[0-9]+|[0-9]+\.\.[0-9]+)$`, ">50000", "1000..50000")
	case reflect.TypeFor[Share]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "number", Minimum: "0", Maximum: "1"}, pattern(`^[0-9.]+ *%$`, "5%")}}
	case reflect.TypeFor[Region]():
		return pattern(`^[^ ,;]{1,64}$`, "eu", "us-east-1")
	case reflect.TypeFor[DataClass]():
		return pattern(`^[^ ,;]{1,64}$`, "public", "confidential")
	case reflect.TypeFor[Capabilities]():
		return &jsonschema.Schema{Type: "array", Items: enum(llm.Features(^uint32(0)).Names()...)}
	}
	return nil
}

// oneOrMore describes a list that may be one element without brackets.
func oneOrMore(item *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{item, {Type: "array", Items: item, MinItems: new(uint64(1))}}}
}

func examples[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func pattern(re string, examples ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: re, Examples: examples}
}

func enum[T ~string](values ...T) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// JSONSchemaExtend lets a credential also be plain text.
func (APIKey) JSONSchemaExtend(s *jsonschema.Schema) {
	object := *s
	*s = jsonschema.Schema{Description: object.Description, OneOf: []*jsonschema.Schema{
		{Type: "string", Pattern: `^(env|file):.+$`, Examples: []any{"env:OPENAI_API_KEY_2"}},
		&object,
	}}
}

// JSONSchemaExtend lets a target also be plain text.
func (Target) JSONSchemaExtend(s *jsonschema.Schema) {
	object := *s
	*s = jsonschema.Schema{Description: object.Description, OneOf: []*jsonschema.Schema{
		{Type: "string", Pattern: `^[^/\s]+/\S+$`, Examples: []any{"openai/gpt-5"}},
		&object,
	}}
}

// JSONSchemaExtend lets the similarity cache also be its mode.
func (Similar) JSONSchemaExtend(s *jsonschema.Schema) {
	object := *s
	*s = jsonschema.Schema{Description: object.Description, OneOf: []*jsonschema.Schema{schemaOf(reflect.TypeFor[SimilarMode]()), &object}}
}

// JSONSchemaExtend lets the ledger also be its address.
func (Ledger) JSONSchemaExtend(s *jsonschema.Schema) {
	object := *s
	*s = jsonschema.Schema{Description: object.Description, OneOf: []*jsonschema.Schema{schemaOf(reflect.TypeFor[LedgerURL]()), &object}}
}

// JSONSchemaExtend lets the decision log also be a file.
func (DecisionLog) JSONSchemaExtend(s *jsonschema.Schema) { orText(s, "decisions.jsonl", Stderr) }

// JSONSchemaExtend lets a mask also be its path.
func (Mask) JSONSchemaExtend(s *jsonschema.Schema) { orText(s, "/input/request/tags/email") }

// JSONSchemaExtend lets policies also be a folder.
func (Policies) JSONSchemaExtend(s *jsonschema.Schema) { orText(s, "./policies") }

// orText lets an object also be plain text.
func orText(s *jsonschema.Schema, such ...any) {
	object := *s
	*s = jsonschema.Schema{Description: object.Description, OneOf: []*jsonschema.Schema{{Type: "string", Pattern: `.`, Examples: such}, &object}}
}

// allowEmpty lets sections without required members be empty, as when all providers are
// commented out and the line above them is kept.
func allowEmpty(s *jsonschema.Schema) {
	if s.Type == "object" && len(s.Required) == 0 {
		s.Type, s.Extras = "", map[string]any{"type": []string{"object", "null"}}
	}
	for _, def := range s.Definitions {
		allowEmpty(def)
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Value.AdditionalProperties != nil {
			allowEmpty(p.Value)
		}
	}
}

// comments returns a function that finds the comment on a field of a type.
func comments() (func(reflect.Type, string) string, error) {
	texts := map[string]string{}
	for _, name := range []string{"config.go", "decisionlog.go", "identity.go", "model.go", "policies.go", "telemetry.go", "when.go"} {
		source, err := configSource.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		fileComments(texts, file)
	}
	return func(t reflect.Type, field string) string { return texts[t.Name()+"."+field] }, nil
}

// fileComments adds the comments on all fields in a file.
func fileComments(texts map[string]string, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isType := n.(*ast.TypeSpec)
		if !isType {
			return true
		}
		if fields, isStruct := spec.Type.(*ast.StructType); isStruct {
			addComments(texts, spec.Name.Name, fields.Fields.List)
		}
		return false
	})
}

// addComments adds the fields' comments without the Go name at their beginning, which is
// not the name of the setting.
func addComments(texts map[string]string, typ string, fields []*ast.Field) {
	for _, f := range fields {
		for _, name := range f.Names {
			text := strings.Join(strings.Fields(f.Doc.Text()), " ")
			text = strings.TrimPrefix(text, name.Name+" ")
			text = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
			texts[typ+"."+name.Name] = upperFirst(text)
		}
	}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
