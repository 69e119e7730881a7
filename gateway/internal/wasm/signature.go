package wasm

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// Sign signs a module's file. The signature is base64 of ed25519 over a line that names what
// is signed and the file's sha256 in hexadecimal, so that a signature made for another
// purpose is never one of a plugin.
func Sign(private ed25519.PrivateKey, wasm []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(private, signedText(wasm)))
}

// Verify returns an error unless the signature is of this file by this key.
func Verify(public ed25519.PublicKey, wasm []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	switch {
	case err != nil:
		return fmt.Errorf("the signature is not base64: %w", err)
	case len(raw) != ed25519.SignatureSize:
		return fmt.Errorf("the signature has %d bytes; it must have %d", len(raw), ed25519.SignatureSize)
	case len(public) != ed25519.PublicKeySize:
		return fmt.Errorf("the public key has %d bytes; it must have %d", len(public), ed25519.PublicKeySize)
	case !ed25519.Verify(public, signedText(wasm), raw):
		return errors.New("the signature is not by this key, or not of this file")
	}
	return nil
}

func signedText(wasm []byte) []byte {
	sum := sha256.Sum256(wasm)
	return []byte("penstock plugin v1\n" + hex.EncodeToString(sum[:]))
}

// checkSignature checks the signature if one is required.
func (s Spec) checkSignature() error {
	if len(s.Trusted) == 0 {
		return nil
	}
	if s.Signature == "" {
		return errors.New("it has no signature; one by a trusted key is required")
	}
	var errs []error
	for _, key := range s.Trusted {
		err := Verify(key, s.Wasm, s.Signature)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("it is signed by none of the %d trusted keys: %w", len(s.Trusted), errs[0])
}
