package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that tests set.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.now.Add(int64(d)) }

// start is when the tests' tokens are issued.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newClock() *clock {
	c := new(clock)
	c.now.Store(start.UnixNano())
	return c
}

// Keys of issuers, made once since RSA keys take long.
var (
	rsaKey, rsaKey2 = mustRSA(2048), mustRSA(2048)
	ecKey           = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edPublic, edKey = mustEd()
)

func mustRSA(bits int) *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, bits)) }

func mustEd() (ed25519.PublicKey, ed25519.PrivateKey) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return public, private
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signWith makes a token of a header and claims that need not be valid.
func signWith(algorithm string, private any, header, claims string) string {
	signed := b64([]byte(header)) + "." + b64([]byte(claims))
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	switch algorithm {
	case "RS256":
		signature = must(rsa.SignPKCS1v15(rand.Reader, private.(*rsa.PrivateKey), crypto.SHA256, digest[:]))
	case "PS256":
		signature = must(rsa.SignPSS(rand.Reader, private.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, private.(*ecdsa.PrivateKey), digest[:])
		if err != nil {
			panic(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "DER": // ES256 in the form of X.509, which JWTs must not have
		signature = must(ecdsa.SignASN1(rand.Reader, private.(*ecdsa.PrivateKey), digest[:]))
	case "EdDSA":
		signature = ed25519.Sign(private.(ed25519.PrivateKey), []byte(signed))
	case "HS256":
		mac := hmac.New(sha256.New, private.([]byte))
		mac.Write([]byte(signed))
		signature = mac.Sum(nil)
	}
	return signed + "." + b64(signature)
}

// token signs claims with RS256 and the first RSA key, whose id is r1.
func (f *fakeIssuer) token(claims string) string {
	return signWith("RS256", rsaKey, `{"alg":"RS256","kid":"r1","typ":"JWT"}`, claims)
}

// claims are good claims, with changes: "name": value sets one, "name": nil removes it.
func (f *fakeIssuer) claims(changes ...any) string {
	all := map[string]any{"iss": f.url, "aud": "gateway", "sub": "ada", "iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(time.Hour).Unix()}
	for i := 0; i < len(changes); i += 2 {
		name := changes[i].(string)
		if changes[i+1] == nil {
			delete(all, name)
			continue
		}
		all[name] = changes[i+1]
	}
	return string(must(json.Marshal(all)))
}

func rsaJWK(id string, k *rsa.PrivateKey, more string) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":%q,"n":%q,"e":%q%s}`, id, b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes()), more)
}

func ecJWK(id string, k *ecdsa.PrivateKey) string {
	point := must(k.PublicKey.ECDH()).Bytes()
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}`, id, b64(point[1:33]), b64(point[33:]))
}

func edJWK(id string, k ed25519.PublicKey) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, id, b64(k))
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// fakeIssuer is an issuer on loopback.
type fakeIssuer struct {
	url    string
	server *httptest.Server

	mu sync.Mutex
	// keys is the key set, serve what answers in place of it when it is not nil.
	keys  string
	serve http.HandlerFunc
	// fetches counts the requests for the key set.
	fetches atomic.Int64
}

func newIssuer(t testing.TB) *fakeIssuer {
	f := &fakeIssuer{keys: jwks(rsaJWK("r1", rsaKey, `,"use":"sig"`), ecJWK("e1", ecKey), edJWK("d1", edPublic))}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, f.url, f.url+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		f.fetches.Add(1)
		f.mu.Lock()
		keys, serve := f.keys, f.serve
		f.mu.Unlock()
		if serve != nil {
			serve(w, r)
			return
		}
		fmt.Fprint(w, keys)
	})
	f.server = httptest.NewServer(mux)
	f.url = f.server.URL
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeIssuer) set(keys string, serve http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys, f.serve = keys, serve
}

func (f *fakeIssuer) options() Options {
	return Options{Name: "corp", Issuer: f.url, Audiences: []string{"gateway"}, Algorithms: []string{"RS256", "PS256", "ES256", "EdDSA"},
		Claims: Claims{User: "sub"}, Leeway: 30 * time.Second, MaxLifetime: 24 * time.Hour}
}

// open opens issuers at the given time, and closes them at the end of the test.
func open(t testing.TB, now *clock, list ...Options) *Issuers {
	t.Helper()
	s, err := Open(list, nil, slog.New(slog.DiscardHandler), now.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func marshalPublic(public any) ([]byte, error)   { return x509.MarshalPKIXPublicKey(public) }
func marshalPrivate(private any) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(private) }
