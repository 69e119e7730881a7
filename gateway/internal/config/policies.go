package config

import (
	"net/url"
	"os"
	"strings"
	"time"
)

// Policies are the rules that decide on admission: a folder, or a bundle as OPA's are.
type Policies struct {
	// Folder is the folder of Rego files. Like every path here it is relative to this file.
	Folder string `yaml:"folder" jsonschema:"minLength=1"`
	// Bundle is the address of a bundle, as opa build makes it, in place of a folder:
	// https://HOST/bundle.tar.gz. The last good one is kept beside the ledger.
	Bundle string `yaml:"bundle" jsonschema:"minLength=1"`
	// PublicKey verifies the bundle's signature: file:PATH or env:NAME of a public key or a
	// certificate in PEM, or of a shared secret with the algorithms HS256, HS384 and HS512.
	PublicKey Secret `yaml:"public_key"`
	// Algorithm is that of the signature, such as RS256, ES256 or HS256; left out, it follows from
	// the public key.
	Algorithm SignatureAlgorithm `yaml:"algorithm"`
	// Scope is the scope that the bundle must have been signed with.
	Scope string `yaml:"scope"`
	// Unsigned accepts a bundle without a signature when there is no public_key: whoever can
	// change what the server answers then decides who is admitted.
	Unsigned bool `yaml:"unsigned"`
	// Token is sent to the bundle's server as a bearer token: env:NAME or file:PATH.
	Token Secret `yaml:"token"`
	// Headers are sent to the bundle's server. Values may be env:NAME or file:PATH; those of
	// headers that carry credentials must be.
	Headers map[string]Secret `yaml:"headers"`
	// Every is how often the server is asked for a changed bundle, 1s to 24h, a fifth more or
	// less; 1m when left out.
	Every time.Duration `yaml:"every"`
	// Timeout is how long a download may take; 10s when left out.
	Timeout time.Duration `yaml:"timeout"`
	// MaxSize is the largest bundle, compressed; 16MiB when left out.
	MaxSize Bytes `yaml:"max_size"`
}

// SignatureAlgorithm is an algorithm of JSON Web Signatures.
type SignatureAlgorithm string

func (a *SignatureAlgorithm) set(s string) error { return choose(a, s, signatureAlgorithms()...) }

func signatureAlgorithms() []SignatureAlgorithm {
	return []SignatureAlgorithm{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512"}
}

// IsShared reports whether the key of the algorithm also signs.
func (a SignatureAlgorithm) IsShared() bool { return strings.HasPrefix(string(a), "HS") }

// IsZero reports whether the built-in policy is meant.
func (p *Policies) IsZero() bool { return p.Folder == "" && p.Bundle == "" }

// String is the folder, or the address without its query, which may hold a credential.
func (p Policies) String() string {
	if p.Bundle != "" {
		address, _, _ := strings.Cut(p.Bundle, "?")
		return address
	}
	return p.Folder
}

// The shortest and longest time between two questions for a bundle.
const (
	minBundleEvery = time.Second
	maxBundleEvery = 24 * time.Hour
)

func (d *decoder) checkPolicies(p *Policies) {
	if p.Folder != "" {
		p.Folder = inDir(d.dir, p.Folder)
		if info, err := os.Stat(p.Folder); err != nil || !info.IsDir() {
			d.fault(d.written("policies", "folder"), nil, "leave it out to use the built-in policy", "%s is not a folder", p.Folder)
		}
	}
	if _, given := d.at["policies"]; given && p.IsZero() {
		d.fault("policies", nil, "leave it out to use the built-in policy", "names neither a folder nor a bundle")
		return
	}
	if p.Folder != "" && p.Bundle != "" {
		d.fault("policies.bundle", nil, "name one of them", "and folder exclude each other")
	}
	if p.Bundle == "" {
		for _, name := range []string{"public_key", "algorithm", "scope", "unsigned", "token", "headers", "every", "timeout", "max_size"} {
			if _, given := d.at["policies."+name]; given {
				d.fault("policies."+name, nil, "remove it", "is about a bundle, and there is none")
			}
		}
		return
	}
	d.checkBundle(p)
}

func (d *decoder) checkBundle(p *Policies) {
	u, err := url.Parse(p.Bundle)
	secret := !p.Token.IsZero() || len(p.Headers) > 0
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.fault("policies.bundle", nil, "write https://HOST/bundle.tar.gz, or the path of a folder without bundle:", "must be an http or https address")
	case u.User != nil || u.Fragment != "":
		d.fault("policies.bundle", nil, "credentials belong in token or headers", "must have no user and no fragment")
	case u.Scheme == "http" && (p.PublicKey.IsZero() || secret) && !isPrivateHost(u.Hostname()):
		d.fault("policies.bundle", nil, "write https", "would send %s over the network in the clear", map[bool]string{true: "credentials", false: "unsigned policies"}[secret])
	}
	signed := !p.PublicKey.IsZero() || d.corrected["policies.public_key"]
	switch _, given := d.at["policies.public_key"]; {
	case signed && p.Unsigned:
		d.fault("policies.unsigned", nil, "remove one of the two", "contradicts public_key")
	case !signed && !given && !p.Unsigned:
		d.fault("policies.bundle", nil, "set public_key: file:PATH of the key that the bundle is signed for, or unsigned: true", "nothing says who may change the policy")
	case !signed && !given && p.Scope != "":
		d.fault("policies.scope", nil, "set public_key, or remove it", "is part of a signature, and none is verified")
	}
	if p.Every < minBundleEvery || p.Every > maxBundleEvery {
		d.fault("policies.every", nil, "leave it out for 1m", "must be from %s to %s", minBundleEvery, maxBundleEvery)
	}
	if p.Timeout <= 0 || p.Timeout > 5*time.Minute {
		d.fault("policies.timeout", nil, "leave it out for 10s", "must be more than 0 and at most 5m")
	}
	if p.MaxSize < 1<<10 || p.MaxSize > 256<<20 {
		d.fault("policies.max_size", nil, "leave it out for 16MiB", "must be from 1KiB to 256MiB")
	}
	if name, twice := d.authorization(p); twice {
		d.fault("policies.headers."+name, nil, "remove one of the two", "and token exclude each other")
	}
}

// authorization returns a header that token also sets.
func (d *decoder) authorization(p *Policies) (string, bool) {
	for name := range p.Headers {
		if strings.EqualFold(name, "authorization") && !p.Token.IsZero() {
			return name, true
		}
	}
	return "", false
}

// isPublicKey reports whether a setting holds a key in PEM, which has line breaks.
func isPublicKey(path string) bool { return path == "policies.public_key" }
