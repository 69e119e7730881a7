package oidc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

const (
	// maxKeys bounds the keys of an issuer.
	maxKeys = 100
	// maxTries bounds the keys that one token is checked with.
	maxTries = 8
	// minRSA and maxRSA bound the size of an RSA key, in bits.
	minRSA, maxRSA = 2048, 8192
)

// Algorithms returns the names of the algorithms that tokens may be signed with. All have a
// public key: with a shared secret, whoever can verify a token can also make one.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// keySet is an issuer's keys. It does not change.
type keySet struct {
	keys []key
	// digest is a hash of the text that the keys were read from.
	digest [sha256.Size]byte
}

// key is a public key: *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
type key struct {
	// id is the kid, empty for a key without one. algorithm is empty when any that fits the key
	// may be used.
	id, algorithm string
	public        any
}

// verify reports whether a token is signed with one of the keys, and whether there was a key for
// it at all.
func (s *keySet) verify(t *token) (signed, fits bool) {
	algorithm, known := jwa.LookupSignatureAlgorithm(t.algorithm)
	if !known {
		return false, false
	}
	tries := 0
	for _, k := range s.keys {
		if !k.fits(t) || tries == maxTries {
			continue
		}
		tries++
		if _, err := jws.VerifyCompactFast(k.public, t.text, algorithm); err == nil {
			return true, true
		}
	}
	return false, tries > 0
}

// fits reports whether a token may be signed with the key. A key without an id fits every
// token, and a token without one every key.
func (k *key) fits(t *token) bool {
	return (k.id == "" || t.keyID == "" || k.id == t.keyID) && (k.algorithm == "" || k.algorithm == t.algorithm) && suits(k.public, t.algorithm)
}

// suits reports whether a key is of the kind that an algorithm needs.
func suits(public any, algorithm string) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[public.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// parseKeys reads keys: a JWK Set, one JWK, or public keys and certificates in PEM. Keys of
// other kinds and for other purposes are passed over, but one must be left.
func parseKeys(text []byte) (*keySet, error) {
	set := &keySet{digest: sha256.Sum256(text)}
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		set.keys, err = parseJSON(text)
	} else {
		set.keys, err = parsePEM(text)
	}
	switch {
	case err != nil:
		return nil, err
	case len(set.keys) == 0:
		return nil, errors.New("there is no public key to verify signatures with")
	case len(set.keys) > maxKeys:
		return nil, fmt.Errorf("there are %d keys; at most %d are allowed", len(set.keys), maxKeys)
	}
	return set, nil
}

func parseJSON(text []byte) ([]key, error) {
	var doc struct {
		Keys []json.RawMessage
		Kty  string
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, errors.New("the key set is not valid JSON")
	}
	if doc.Kty != "" {
		doc.Keys = append(doc.Keys, text)
	}
	if len(doc.Keys) > maxKeys {
		return nil, fmt.Errorf("there are %d keys; at most %d are allowed", len(doc.Keys), maxKeys)
	}
	var keys []key
	for _, raw := range doc.Keys {
		if k, ok := parseJWK(raw); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// material is what makes a public key, of RSA, an elliptic curve or Ed25519. Other members, such
// as certificates, are not read.
type material struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// parseJWK reads a key that may verify signatures.
func parseJWK(raw []byte) (key, bool) {
	var k struct {
		material
		Kid, Use, Alg string
		Ops           []string `json:"key_ops"`
	}
	if json.Unmarshal(raw, &k) != nil || k.Use != "" && k.Use != "sig" || len(k.Ops) > 0 && !slices.Contains(k.Ops, "verify") {
		return key{}, false
	}
	switch k.Kty {
	case "RSA", "EC", "OKP": // never oct, a shared secret
	default:
		return key{}, false
	}
	public, err := json.Marshal(k.material)
	if err != nil {
		return key{}, false
	}
	parsed, err := jwk.ParseKey(public)
	if err != nil {
		return key{}, false
	}
	var exported any
	if jwk.Export(parsed, &exported) != nil || !strong(exported) {
		return key{}, false
	}
	return key{k.Kid, k.Alg, exported}, true
}

// strong reports whether a key is of a kind and size that can be relied on, and well formed.
func strong(public any) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSA && public.N.BitLen() <= maxRSA && public.E >= 3 && public.E%2 == 1
	case *ecdsa.PublicKey:
		_, err := public.ECDH() // checks that the point is on its curve
		return err == nil
	case ed25519.PublicKey:
		return len(public) == ed25519.PublicKeySize
	}
	return false
}

func parsePEM(text []byte) ([]key, error) {
	var keys []key
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return keys, nil
		}
		var public any
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			public, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			public, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var cert *x509.Certificate
			if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
				public = cert.PublicKey
			}
		default:
			return nil, fmt.Errorf("there is a %s in it, which is not a public key", block.Type)
		}
		if err != nil || !strong(public) {
			return nil, fmt.Errorf("a %s in it cannot be used: RSA needs %d bits or more, and curves are P-256, P-384, P-521 and Ed25519", block.Type, minRSA)
		}
		keys = append(keys, key{public: public})
	}
}
