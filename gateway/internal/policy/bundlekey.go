package policy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	opabundle "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
)

// BundleKey verifies the signatures of bundles, with one key and one algorithm. What the
// signature itself names does not count.
type BundleKey struct{ config *opabundle.VerificationConfig }

// keyID is the name of the only key.
const keyID = "penstock"

// minSharedKey is the length of the shortest shared secret, in bytes.
const minSharedKey = 32

// ParseBundleKey parses a public key or a certificate in PEM, or with an HS algorithm a
// shared secret. An empty algorithm follows from the key. Scope is the one that bundles must
// be signed with. Errors do not quote the key.
func ParseBundleKey(text, algorithm, scope string) (*BundleKey, error) {
	if strings.HasPrefix(algorithm, "HS") {
		if strings.Contains(text, "-----BEGIN") {
			return nil, fmt.Errorf("the algorithm %s needs a shared secret, not a key in PEM: anybody who knows the public key could sign", algorithm)
		}
		if len(text) < minSharedKey {
			return nil, fmt.Errorf("a shared secret has at least %d bytes", minSharedKey)
		}
	} else {
		usual, err := algorithmOf(text)
		switch {
		case err != nil:
			return nil, err
		case algorithm == "":
			algorithm = usual
		case algorithm != usual && !(strings.HasPrefix(usual, "RS") && strings.Contains("RS256 RS384 RS512 PS256 PS384 PS512", algorithm)):
			return nil, fmt.Errorf("the key is for %s, not for %s", usual, algorithm)
		}
	}
	keys := map[string]*opabundle.KeyConfig{keyID: {Key: text, Algorithm: algorithm}}
	return &BundleKey{opabundle.NewVerificationConfig(keys, keyID, scope, nil)}, nil
}

// algorithmOf returns the usual algorithm of a public key.
func algorithmOf(text string) (string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "", errors.New("not a key in PEM, which begins with -----BEGIN PUBLIC KEY-----")
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		return "", fmt.Errorf("not a public key but a %s: openssl pkey -in KEY -pubout makes one", strings.ToLower(block.Type))
	}
	if err != nil {
		return "", errors.New("the key in PEM cannot be parsed")
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return "RS256", nil
	case *ecdsa.PublicKey:
		if name, ok := map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Curve.Params().BitSize]; ok {
			return name, nil
		}
	}
	return "", errors.New("bundles are signed with RSA or with the curves P-256, P-384 and P-521, not with a key of this kind")
}

// verify checks that every file is as it was signed, and that none is missing. It changes
// nothing but its own copy of what is left to be checked.
func (k *BundleKey) verify(files map[string][]byte, name string) error {
	fault := func(file, hint, message string) error {
		return Faults{{File: path.Join(name, file), Message: message, Hint: hint}}
	}
	text, ok := files[signaturesFile]
	if !ok {
		return fault("", "sign it: opa build --signing-key KEY, or opa sign; to accept it as it is, write unsigned: true in place of public_key", "the bundle is not signed: it has no .signatures.json")
	}
	var signatures opabundle.SignaturesConfig
	if err := util.NewJSONDecoder(bytes.NewReader(text)).Decode(&signatures); err != nil {
		return fault(signaturesFile, "sign the bundle again", "cannot be read: "+err.Error())
	}
	if signatures.Plugin != "" && signatures.Plugin != "_default" {
		return fault(signaturesFile, "sign the bundle with opa sign", fmt.Sprintf("signatures of the plugin %q are not supported", signatures.Plugin))
	}
	left, err := opabundle.VerifyBundleSignature(signatures, k.config)
	if err != nil {
		return fault(signaturesFile, "was it signed with the key that belongs to public_key, with its algorithm and scope?", "the signature is not valid: "+err.Error())
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if file == signaturesFile {
			continue
		}
		if err := opabundle.VerifyBundleFile(file, *bytes.NewBuffer(files[file]), left); err != nil {
			return fault(file, "the file was changed after the bundle was signed, or is of no kind that is signed: sign the bundle again", "is not as it was signed: "+err.Error())
		}
	}
	for file := range left {
		return fault(file, "sign the bundle again", "is signed and missing in the bundle")
	}
	return nil
}
