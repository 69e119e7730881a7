package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/invopop/jsonschema"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/plugins/dialects"
)

// otherMembers is the tag of a field for all members without a field of their own.
const otherMembers = "*"

// Builtin is the name of the gateway's own module, in metrics and logs.
const Builtin = "builtin"

// PublicKey is a key that plugins are signed with, in base64.
type PublicKey ed25519.PublicKey

func (k *PublicKey) set(s string) error {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return &hintedError{fmt.Sprintf("invalid public key %q", s), "write the line that penstock plugin keygen prints"}
	}
	*k = raw
	return nil
}

// Isolation is call, or empty.
type Isolation string

// IsolateCall gives a plugin fresh memory for every call.
const IsolateCall Isolation = "call"

func (i *Isolation) set(s string) error { return choose(i, s, IsolateCall) }

// ErrorMode is skip or fail.
type ErrorMode string

// The error modes.
const (
	Skip ErrorMode = "skip"
	Fail ErrorMode = "fail"
)

func (m *ErrorMode) set(s string) error { return choose(m, s, Skip, Fail) }

// onError reads one mode for all hooks, or one for each.
func (d *decoder) onError(path string, n ast.Node, out *OnError) {
	if _, isMap := n.(ast.MapNode); isMap {
		d.structure(path, n, reflect.ValueOf(out).Elem())
		return
	}
	if s, ok := d.text(path, n); ok {
		var m ErrorMode
		d.assign(path, n, m.set(s), func() { *out = OnError{m, m, m, m} })
	}
}

// JSONSchemaExtend lets one mode stand for all hooks.
func (OnError) JSONSchemaExtend(s *jsonschema.Schema) {
	object := *s
	*s = jsonschema.Schema{Description: object.Description, OneOf: []*jsonschema.Schema{enum(Skip, Fail), &object}}
}

// JSONSchemaExtend makes the plugins members of the section itself.
func (Plugins) JSONSchemaExtend(s *jsonschema.Schema) {
	if own, ok := s.Properties.Get(otherMembers); ok {
		s.AdditionalProperties = own.AdditionalProperties
		s.Properties.Delete(otherMembers)
	}
}

func (d *decoder) checkPlugins(c *Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Plugins.Own)) {
		p := c.Plugins.Own[name]
		d.checkPlugin(name, &p, c.Plugins)
		c.Plugins.Own[name] = p
	}
}

func (d *decoder) checkPlugin(name string, p *Plugin, rules Plugins) {
	path := Path("plugins", name)
	if !isName(name) {
		d.faultKey("plugins", name, "use lower-case letters, digits, dot, dash and underscore", "invalid plugin name %q", name)
	}
	if slices.Contains(builtinRouters(), name) {
		d.faultKey("plugins", name, "choose another name", "%q is a built-in router", name)
	}
	if slices.Contains(builtinDialects(), llm.Dialect(name)) || slices.Contains(plannedDialects(), name) {
		d.faultKey("plugins", name, "choose another name", "%q is a built-in dialect", name)
	}
	if name == Builtin {
		d.faultKey("plugins", name, "choose another name", "%q is the gateway's own module", name)
	}
	if raw, err := hex.DecodeString(p.SHA256); err != nil || p.SHA256 != "" && len(raw) != 32 {
		d.fault(Path(path, "sha256"), nil, "write what sha256sum prints", "must be 64 hexadecimal digits")
	}
	if p.SHA256 == "" && rules.Pinned && !d.faulty(Path(path, "sha256")) {
		d.faultKey("plugins", name, "penstock plugin inspect prints it", "sha256 is missing, and plugins.pinned requires it")
	}
	p.SHA256 = strings.ToLower(p.SHA256)
	if _, given := d.at[path+".fuel"]; given && p.Fuel < 1 {
		d.fault(path+".fuel", nil, "leave it out for the default", "must be more than 0")
	}
	if _, given := d.at[path+".max_memory"]; given && p.MaxMemory < 64<<10 {
		d.fault(path+".max_memory", nil, "leave it out for the default", "must be at least 64KiB, one page of Wasm memory")
	}
	d.checkPluginFile(path, p)
}

func (d *decoder) checkPluginFile(path string, p *Plugin) {
	if p.File == "" {
		return
	}
	p.File = inDir(d.dir, p.File)
	if info, err := os.Stat(p.File); err != nil || !info.Mode().IsRegular() {
		d.fault(Path(path, "file"), nil, "build it, or correct the path", "%s is not a file", filepath.Clean(p.File))
	}
}

// checkTransforms checks the plugins that a model's requests and replies pass through.
func (d *decoder) checkTransforms(c *Config, path string, names []string) {
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch _, ok := c.Plugins.Own[name]; {
		case !ok:
			d.fault(at, nil, DidYouMean(name, slices.Collect(maps.Keys(c.Plugins.Own))), "there is no plugin %q", name)
		case slices.Contains(names[:i], name):
			d.fault(at, nil, "keep one of them", "%s is given twice", name)
		}
	}
}

// builtinDialects are the wire formats of this version: the canonical form and those of the
// built-in module. plannedDialects are those of later versions.
func builtinDialects() []llm.Dialect {
	all := []llm.Dialect{llm.OpenAI}
	for _, name := range dialects.ProviderNames() {
		all = append(all, llm.Dialect(name))
	}
	return all
}

func plannedDialects() []string {
	return []string{"bedrock-converse"}
}

// checkDialect checks a provider's wire format: a built-in dialect or a plugin.
func (d *decoder) checkDialect(c *Config, path string, dialect llm.Dialect) {
	_, isPlugin := c.Plugins.Own[string(dialect)]
	switch {
	case isPlugin || slices.Contains(builtinDialects(), dialect):
	case slices.Contains(plannedDialects(), string(dialect)):
		d.fault(path, nil, "most providers also have an address that speaks openai", "the dialect %q is not available in this version", dialect)
	default:
		var d2 llm.Dialect
		names := builtinDialects()
		for name := range c.Plugins.Own {
			names = append(names, llm.Dialect(name))
		}
		slices.Sort(names[len(builtinDialects()):])
		d.faultErr(path, nil, choose(&d2, string(dialect), names...))
	}
}

// passThroughDialects are the wire formats in which requests can be passed on as they are.
func passThroughDialects() []llm.Dialect {
	return []llm.Dialect{llm.OpenAI, llm.Anthropic, llm.Responses, llm.Completions}
}

// checkAlso checks a provider's further wire formats.
func (d *decoder) checkAlso(path string, p *Provider) {
	for i, dialect := range p.Also {
		here := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case dialect == p.Dialect:
			d.fault(here, nil, "remove it", "%s is the provider's dialect already", dialect)
		case !slices.Contains(passThroughDialects(), dialect):
			var d2 llm.Dialect
			d.faultErr(here, nil, choose(&d2, string(dialect), passThroughDialects()...))
		}
	}
}

// KindOf returns what the configuration uses a plugin as: router, transform or dialect;
// empty when it is used as several of them, or not at all.
func (c *Config) KindOf(plugin string) string {
	var kinds []string
	for _, m := range c.Models {
		if m.Router == plugin {
			kinds = append(kinds, "router")
		}
		if slices.Contains(m.Transform, plugin) {
			kinds = append(kinds, "transform")
		}
	}
	for _, p := range c.Providers {
		if string(p.Dialect) == plugin {
			kinds = append(kinds, "dialect")
		}
	}
	for _, e := range c.Endpoints {
		if e.Dialect == plugin {
			kinds = append(kinds, "dialect")
		}
	}
	slices.Sort(kinds)
	if kinds = slices.Compact(kinds); len(kinds) == 1 {
		return kinds[0]
	}
	return ""
}
