package wasm

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// keyPair is a key of a fixed seed.
func keyPair(seed byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize)))
	return private.Public().(ed25519.PublicKey), private
}

func TestASignatureIsByOneKeyOfOneFile(t *testing.T) {
	public, private := keyPair('a')
	other, _ := keyPair('b')
	wasm := asm.Echo().Bytes()
	signature := Sign(private, wasm)
	if err := Verify(public, wasm, signature); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"not by this key":              Verify(other, wasm, signature),
		"not of this file":             Verify(public, append(wasm, 0), signature),
		"not base64":                   Verify(public, wasm, "!"),
		"has 3 bytes; it must have 64": Verify(public, wasm, "AAAA"),
		"public key has 5 ":            Verify(public[:5], wasm, signature),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Verify = %v, want %q", err, want)
		}
	}
	// The digest of an empty file after the line that names what is signed.
	raw := ed25519.Sign(private, []byte("penstock plugin v1\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
	if err := Verify(public, nil, base64.StdEncoding.EncodeToString(raw)); err != nil {
		t.Errorf("a signature as the contract has it: %v", err)
	}
}

func TestLoadAsksForATrustedSignature(t *testing.T) {
	alice, private := keyPair('a')
	bob, _ := keyPair('b')
	wasm := asm.Echo().Bytes()
	for _, c := range []struct {
		trusted   []ed25519.PublicKey
		signature string
		want      string
	}{
		{nil, "", ""},
		{nil, "whatever", ""},
		{[]ed25519.PublicKey{bob, alice}, Sign(private, wasm), ""},
		{[]ed25519.PublicKey{alice}, "", "has no signature"},
		{[]ed25519.PublicKey{bob}, Sign(private, wasm), "none of the 1 trusted keys"},
		{[]ed25519.PublicKey{alice}, Sign(private, wasm[1:]), "none of the 1 trusted keys"},
	} {
		_, err := newTestHost(t).Load(context.Background(), Spec{Name: "s", Wasm: wasm, Trusted: c.trusted, Signature: c.signature})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("Load = %v, want %q", err, c.want)
		}
	}
}

// TestTheOrderOfChecks: the error is that of the first check that fails.
func TestTheOrderOfChecks(t *testing.T) {
	public, _ := keyPair('a')
	bad := asm.Importing([]asm.Import{{Module: "penstock", Name: "kv_get", Params: "iiii", Results: "i"}}, asm.Op(0x12, 0)).Bytes() // a tail call
	s := Spec{Wasm: make([]byte, maxModule+1), SHA256: strings.Repeat("0", 64), Trusted: []ed25519.PublicKey{public}}
	steps := []struct {
		want   string
		mended func()
	}{
		{"at most 16777216", func() { s.Wasm = []byte("text") }},
		{"is pinned", func() { s.SHA256 = "" }},
		{"has no signature", func() { s.Trusted = nil }},
		{"not a WebAssembly file", func() { s.Wasm = bad }},
		{`needs the grant "kv"`, func() { s.Grants = []string{hook.GrantKV} }},
		{"unknown instruction 0x12", func() { s.Wasm = asm.Importing(nil, asm.I32(0)).Bytes() }},
		{"compile", func() { s.Wasm = picky("no").Bytes() }},
		{"rejected with 400: no", nil},
	}
	for _, step := range steps {
		if got := refusal(t, s); !strings.Contains(got, step.want) {
			t.Errorf("Load: %s, want %q", got, step.want)
		}
		if step.mended != nil {
			step.mended()
		}
	}
}

// picky is a module whose penstock_init rejects its settings.
func picky(message string) asm.Module {
	a := asm.Echo()
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	a.Funcs = append(a.Funcs, asm.Func{Export: hook.ExportInit, Params: "ii", Results: "I",
		Code: asm.Cat(asm.I32(400), asm.I32(4096), asm.I32(int32(len(message))), asm.Call(0), asm.Result(0, 0))})
	a.Data = [][]byte{asm.Data(4096, []byte(message))}
	return a
}
