package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/rogpeppe/go-internal/testscript"
)

// storyServeFolder serves a folder at $WEB, each file with an ETag. The token "open sesame" is
// needed.
func storyServeFolder(ts *testscript.TestScript, _ bool, args []string) {
	root, err := os.OpenRoot(ts.MkAbs(args[0]))
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := root.ReadFile(r.URL.Path[1:])
		switch {
		case r.Header.Get("Authorization") != "Bearer open sesame":
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case err != nil:
			http.Error(w, "none yet", http.StatusNotFound)
		default:
			w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(text)))
			if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write(text)
		}
	}))
	ts.Defer(func() { server.Close(); root.Close() })
	ts.Setenv("WEB", server.URL)
}

// storyBundle builds a bundle of a folder with OPA's library and signs it with KEY.pem, which it
// makes, with KEY.pub, if it is not there.
func storyBundle(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: bundle FOLDER ARCHIVE KEY")
	}
	b, err := bundle.NewCustomReader(bundle.NewDirectoryLoader(ts.MkAbs(args[0]))).WithSkipBundleVerification(true).Read()
	ts.Check(err)
	for i := range b.Modules {
		b.Modules[i].Raw = bytes.Clone(b.Modules[i].Raw)
	}
	ts.Check(b.GenerateSignature(bundle.NewSigningConfig(storyKey(ts, ts.MkAbs(args[2])), "ES256", ""), "any", true))
	var out bytes.Buffer
	ts.Check(bundle.NewWriter(&out).UseModulePath(true).DisableFormat(true).Write(b))
	ts.Check(os.WriteFile(ts.MkAbs(args[1])+".new", out.Bytes(), 0o600))
	ts.Check(os.Rename(ts.MkAbs(args[1])+".new", ts.MkAbs(args[1])))
}

func storyKey(ts *testscript.TestScript, name string) string {
	if private, err := os.ReadFile(name + ".pem"); err == nil {
		return string(private)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	ts.Check(err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	ts.Check(os.WriteFile(name+".pem", text, 0o600))
	ts.Check(os.WriteFile(name+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600))
	return string(text)
}
