package policy_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/policies"
)

// signer has a private key and the public one that belongs to it, in PEM.
type signer struct{ private, public string }

func newSigner(t testing.TB) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}
}

const teamPolicy = "package penstock\n\ndeny contains {\"code\": \"closed\", \"message\": \"Closed.\"} if input.request.model == data.closed[_]\n"

const teamTest = "package penstock_test\n\nimport data.penstock\n\ntest_closed if count(penstock.deny) == 1 with input.request.model as \"old\"\n"

// build builds a bundle with OPA's own library, and signs it unless the signer is empty.
func build(t testing.TB, s signer, modules map[string]string, data map[string]any, change func(*bundle.Bundle)) []byte {
	t.Helper()
	b := bundle.Bundle{Manifest: bundle.Manifest{Revision: "v1"}, Data: data}
	b.Manifest.Init()
	b.Manifest.SetRegoVersion(ast.RegoV1)
	for name, text := range modules {
		b.Modules = append(b.Modules, bundle.ModuleFile{URL: name, Path: name, RelativePath: name, Raw: []byte(text)})
	}
	if change != nil {
		change(&b)
	}
	if s.private != "" {
		if err := b.GenerateSignature(bundle.NewSigningConfig(s.private, "ES256", ""), "any", true); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).UseModulePath(true).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// entry is a file of an archive that is made by hand.
type entry struct {
	name string
	text string
	kind byte
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		h := tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.text)), Mode: 0o600}
		if e.kind == tar.TypeSymlink {
			h.Linkname = "/etc/passwd"
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unpacked returns the entries of an archive.
func unpacked(t testing.TB, archive []byte) (entries []entry) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{name: h.Name, text: string(text)})
	}
}

func keyOf(t testing.TB, s signer) *policy.BundleKey {
	t.Helper()
	key, err := policy.ParseBundleKey(s.public, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readBundle(t testing.TB, archive []byte, key *policy.BundleKey) (policy.Source, error) {
	t.Helper()
	return policy.ReadBundle(archive, policy.BundleOptions{Name: "bundle.tar.gz", Key: key, FS: policies.FS})
}

func goodBundle(t testing.TB, s signer) []byte {
	return build(t, s, map[string]string{"rules/team.rego": teamPolicy, "rules/team_test.rego": teamTest}, map[string]any{"closed": []any{"old"}}, nil)
}

func TestBundleDecidesLikeItsFolder(t *testing.T) {
	s := newSigner(t)
	source, err := readBundle(t, goodBundle(t, s), keyOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.New(t.Context(), policy.Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	if source.Revision != "v1" || e.Status().Tests != 1 || !cmp.Equal(e.Status().Files, []string{"builtin/default.rego", "bundle.tar.gz/data.json", "bundle.tar.gz/rules/team.rego"}) {
		t.Errorf("revision %q, %+v", source.Revision, e.Status())
	}
	v, err := e.Decide(t.Context(), policy.Input{Request: request("old")})
	if err != nil || v.Allow || v.Reasons[0].Rule != "bundle.tar.gz/rules/team.rego:3" {
		t.Errorf("the old model: %+v, %v; want denied by the bundle", v, err)
	}
	if v, err = e.Decide(t.Context(), policy.Input{Request: request("new")}); err != nil || !v.Allow {
		t.Errorf("the new model: %+v, %v; want allowed", v, err)
	}
}

// What is wrong with a bundle is said with its file, and what to do.
func TestBadBundles(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	good := goodBundle(t, s)
	tampered := func(change func(*entry)) []byte {
		entries := unpacked(t, good)
		for i := range entries {
			change(&entries[i])
		}
		return pack(t, entries...)
	}
	without := func(name string) []byte {
		var kept []entry
		for _, e := range unpacked(t, good) {
			if e.name != name {
				kept = append(kept, e)
			}
		}
		return pack(t, kept...)
	}
	zeros := strings.Repeat("\x00", 4<<20)
	many := make([]entry, 10_001)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("d/%d", i), kind: tar.TypeDir}
	}
	var bomb []entry
	for i := range 20 {
		bomb = append(bomb, entry{name: fmt.Sprintf("%d.bin", i), text: zeros})
	}
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"empty":               {nil, "bundle.tar.gz: not a bundle: it is no gzip archive"},
		"a page of text":      {[]byte("<html>log in</html>"), "login?"},
		"gzip of text":        {gzipped(t, "hello"), "bundle.tar.gz: the bundle is damaged or incomplete"},
		"truncated":           {good[:len(good)/2], "bundle.tar.gz: the bundle is damaged or incomplete: unexpected EOF"},
		"without its end":     {good[:len(good)-4], "the bundle is damaged or incomplete: unexpected EOF"},
		"other checksum":      {append(bytes.Clone(good[:len(good)-8]), "12345678"...), "the bundle is damaged or incomplete: gzip: invalid checksum"},
		"not signed":          {goodBundle(t, signer{}), "bundle.tar.gz: the bundle is not signed: it has no .signatures.json\n  sign it"},
		"another key":         {goodBundle(t, other), "bundle.tar.gz/.signatures.json: the signature is not valid: failed to verify JWT signature"},
		"policy changed":      {tampered(func(e *entry) { e.text = strings.Replace(e.text, "Closed.", "Opened.", 1) }), "bundle.tar.gz/rules/team.rego: is not as it was signed: rules/team.rego: digest mismatch"},
		"data changed":        {tampered(func(e *entry) { e.text = strings.Replace(e.text, `"old"`, `"none"`, 1) }), "is not as it was signed"},
		"manifest changed":    {tampered(func(e *entry) { e.text = strings.Replace(e.text, `"v1"`, `"v2"`, 1) }), "bundle.tar.gz/.manifest: is not as it was signed"},
		"file renamed":        {tampered(func(e *entry) { e.name = strings.Replace(e.name, "team.rego", "tame.rego", 1) }), "file rules/tame.rego not included in bundle signature"},
		"signed file missing": {without("/rules/team.rego"), "bundle.tar.gz/rules/team.rego: is signed and missing in the bundle"},
		"signature cut":       {tampered(func(e *entry) { e.text = strings.Replace(e.text, `"ey`, `"`, 1) }), "the signature is not valid"},
		"no signature inside": {tampered(func(e *entry) {
			if e.name == "/.signatures.json" {
				e.text = "{}"
			}
		}), "the signature is not valid: .signatures.json: missing JWT"},
		"signature no JSON": {tampered(func(e *entry) {
			if e.name == "/.signatures.json" {
				e.text = "<html>"
			}
		}), "bundle.tar.gz/.signatures.json: cannot be read"},
		"unknown plugin": {tampered(func(e *entry) { e.text = strings.Replace(e.text, `"_default"`, `"custom"`, 1) }), `signatures of the plugin "custom" are not supported`},
		"file twice":     {pack(t, append(unpacked(t, good), entry{name: "rules/team.rego", text: "package x"})...), "bundle.tar.gz/rules/team.rego: is in the bundle twice"},
		"file added":     {pack(t, append(unpacked(t, good), entry{name: "more.rego", text: "package x"})...), "bundle.tar.gz/more.rego: is not as it was signed: file more.rego not included in bundle signature"},
		"path upwards":   {pack(t, entry{name: "../../etc/cron.d/x.rego", text: "x"}), `bundle.tar.gz: "../../etc/cron.d/x.rego" is no path within the bundle`},
		"path inside":    {pack(t, entry{name: "a/../../x.rego", text: "x"}), "is no path within the bundle"},
		"double slash":   {pack(t, entry{name: "//etc/x.rego", text: "x"}), "is no path within the bundle"},
		"backslash":      {pack(t, entry{name: `..\x.rego`, text: "x"}), "is no path within the bundle"},
		"link":           {pack(t, entry{name: "x.rego", kind: tar.TypeSymlink}), `"x.rego" is a link or a device`},
		"many entries":   {pack(t, many...), "has more than 10000 entries"},
		"bomb":           {pack(t, bomb...), "unpacks to more than 64 MiB"},
		"large file":     {pack(t, entry{name: "x.rego", text: zeros + "x"}), "bundle.tar.gz/x.rego: larger than 4 MiB"},
	} {
		if len(test.archive) > 1<<20 {
			t.Fatalf("%s has %d bytes: it is to be small", name, len(test.archive))
		}
		_, err := readBundle(t, test.archive, keyOf(t, s))
		var faults policy.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want a fault with %q", name, err, test.want)
		}
	}
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What a manifest says, and what needs more than policies and data, in good signatures.
func TestUnsupportedBundles(t *testing.T) {
	s := newSigner(t)
	modules := map[string]string{"team.rego": teamPolicy}
	data := map[string]any{"closed": []any{"old"}}
	zero := 0
	roots := func(names ...string) func(*bundle.Bundle) {
		return func(b *bundle.Bundle) { b.Manifest.Roots = &names }
	}
	for name, test := range map[string]struct {
		change func(*bundle.Bundle)
		want   string
	}{
		"roots without the package": {roots("closed", "other"), "bundle.tar.gz/team.rego:1:1: package penstock is outside of the bundle's roots"},
		"roots without the data":    {roots("penstock"), "bundle.tar.gz/data.json: data.closed is outside of the bundle's roots"},
		"overlapping roots":         {roots("penstock", "closed", "penstock/deny"), "bundle.tar.gz/.manifest: the roots"},
		"old Rego":                  {func(b *bundle.Bundle) { b.Manifest.RegoVersion = &zero }, "bundle.tar.gz/.manifest: rego_version is 0\n  policies are Rego v1"},
		"one old file":              {func(b *bundle.Bundle) { b.Manifest.FileRegoVersions = map[string]int{"/x.rego": 0} }, "file_rego_versions of /x.rego is 0"},
		"wasm": {func(b *bundle.Bundle) {
			b.WasmModules = []bundle.WasmModuleFile{{URL: "/policy.wasm", Path: "/policy.wasm", Raw: []byte("wasm")}}
		}, "bundle.tar.gz/policy.wasm: compiled policies are not supported\n  build the bundle with opa build --target rego"},
		"plan": {func(b *bundle.Bundle) {
			b.PlanModules = []bundle.PlanModuleFile{{URL: "/plan.json", Path: "/plan.json", Raw: []byte("{}")}}
		}, "bundle.tar.gz/plan.json: compiled policies are not supported"},
		"roots that fit": {roots("penstock", "closed"), ""},
		"one deep root":  {roots("penstock", "/closed/"), ""},
	} {
		source, err := readBundle(t, build(t, s, modules, data, test.change), keyOf(t, s))
		if err == nil {
			err = policy.Check(t.Context(), source)
		}
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	var delta bytes.Buffer
	if err := bundle.NewWriter(&delta).Write(bundle.Bundle{Patch: bundle.Patch{Data: []bundle.PatchOperation{{Op: "remove", Path: "/closed"}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := readBundle(t, delta.Bytes(), nil); err == nil || !strings.Contains(err.Error(), "patch.json: delta bundles are not supported\n  serve whole bundles") {
		t.Errorf("a delta bundle: %v", err)
	}
	if _, err := readBundle(t, delta.Bytes(), keyOf(t, s)); err == nil {
		t.Error("an unsigned delta bundle passes where a signature is needed")
	}
}

func TestBundleScopeAndAlgorithm(t *testing.T) {
	s := newSigner(t)
	archive := goodBundle(t, s)
	scoped, err := policy.ParseBundleKey(s.public, "ES256", "write")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readBundle(t, archive, scoped); err == nil || !strings.Contains(err.Error(), "scope mismatch") {
		t.Errorf("another scope: %v", err)
	}
	// The public key as a shared secret must verify nothing that somebody signs with it.
	secret := strings.Repeat("s", 32)
	b := build(t, signer{}, map[string]string{"team.rego": teamPolicy}, map[string]any{"closed": []any{"old"}}, func(b *bundle.Bundle) {
		if err := b.GenerateSignature(bundle.NewSigningConfig(s.public, "HS256", ""), "any", true); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := readBundle(t, b, keyOf(t, s)); err == nil || !strings.Contains(err.Error(), "signature is not valid") {
		t.Errorf("algorithm confusion: %v", err)
	}
	shared, err := policy.ParseBundleKey(secret, "HS256", "")
	if err != nil {
		t.Fatal(err)
	}
	b = build(t, signer{}, map[string]string{"team.rego": teamPolicy}, map[string]any{"closed": []any{"old"}}, func(b *bundle.Bundle) {
		if err := b.GenerateSignature(bundle.NewSigningConfig(secret, "HS256", ""), "any", true); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := readBundle(t, b, shared); err != nil {
		t.Errorf("a shared secret: %v", err)
	}
}

func TestBundleKeys(t *testing.T) {
	s := newSigner(t)
	for _, test := range []struct{ text, algorithm, want string }{
		{s.public, "HS256", "needs a shared secret"},
		{"short", "HS256", "at least 32 bytes"},
		{s.public, "RS256", "the key is for ES256, not for RS256"},
		{s.public, "ES384", "the key is for ES256, not for ES384"},
		{s.private, "", "not a public key but a private key"},
		{"hello", "", "not a key in PEM"},
		{"-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----", "", "cannot be parsed"},
	} {
		if _, err := policy.ParseBundleKey(test.text, test.algorithm, ""); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ParseBundleKey(%.20q, %q) = %v, want %q", test.text, test.algorithm, err, test.want)
		}
	}
}

// FuzzReadBundle: whatever a server sends ends in a source or in faults.
func FuzzReadBundle(f *testing.F) {
	s := newSigner(f)
	key := keyOf(f, s)
	f.Add(goodBundle(f, s))
	f.Add(goodBundle(f, signer{}))
	f.Add(pack(f, entry{name: "../x.rego", text: "x"}))
	f.Add(gzipped(f, "hello"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		for _, key := range []*policy.BundleKey{key, nil} {
			source, err := readBundle(t, archive, key)
			var faults policy.Faults
			if err != nil && !errors.As(err, &faults) {
				t.Errorf("error %v has no faults", err)
			}
			for name := range source.Files {
				if strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
					t.Errorf("file %q leaves the bundle", name)
				}
			}
		}
	})
}
