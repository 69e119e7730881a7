package plugintool

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
)

// pemType is the type of a private key's PEM block, also in the files of other tools:
// openssl genpkey -algorithm ed25519.
const pemType = "PRIVATE KEY"

// GenerateKey writes a new private key to a file that must not exist, and the public key
// to FILE.pub. It returns the public key as text.
func GenerateKey(file string) (public string, err error) {
	key, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	if err := writeNew(file, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})); err != nil {
		return "", hint.Add(err, "give another name: penstock plugin keygen -o FILE")
	}
	public = base64.StdEncoding.EncodeToString(key)
	return public, os.WriteFile(file+".pub", []byte(public+"\n"), 0o644)
}

// writeNew writes a file that must not exist, for its owner alone.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s already exists and is not overwritten", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// Sign signs a module with the private key in a file. The signature goes to FILE.sig.
func Sign(file, key string) error {
	binary, err := readModule(file)
	if err != nil {
		return err
	}
	private, err := readPrivateKey(key)
	if err != nil {
		return hint.Add(err, "penstock plugin keygen makes a key")
	}
	return os.WriteFile(file+".sig", []byte(wasm.Sign(private, binary)+"\n"), 0o644)
}

func readPrivateKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("%s holds no private key", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than ed25519", file)
	}
	return private, nil
}

// Verify checks a module against the signature in FILE.sig. Key is a public key, or a
// file that holds one.
func Verify(file, key string) error {
	binary, err := readModule(file)
	if err != nil {
		return err
	}
	signature, err := os.ReadFile(file + ".sig")
	if err != nil {
		return hint.Add(fmt.Errorf("%s is not signed: %w", file, err), "penstock plugin sign %s --key KEYFILE", file)
	}
	public, err := readPublicKey(key)
	if err != nil {
		return err
	}
	if err := wasm.Verify(public, binary, strings.TrimSpace(string(signature))); err != nil {
		return hint.Add(fmt.Errorf("%s: %w", file, err), "the file has changed since, or another key signed it; sign it again if you trust it")
	}
	return nil
}

// readPublicKey reads a public key from the file of this name; without such a file the
// name is the key.
func readPublicKey(key string) (ed25519.PublicKey, error) {
	text := key
	if content, err := os.ReadFile(key); err == nil {
		text = string(content)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%q is neither a public key nor a file that holds one", key)
	}
	return raw, nil
}
