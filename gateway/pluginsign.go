package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/wasm"
)

// defaultKeyFile is where keygen puts a key.
const defaultKeyFile = "plugin.key"

func (a *app) pluginKeygenCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "keygen [-o FILE]",
		Short: "Make a key that signs plugins",
		Long: "The private key goes to a file that only you can read, the public one to FILE.pub and standard output:\n" +
			"it belongs into the configuration of every gateway that should trust what you sign.",
		Example: "  penstock plugin keygen -o release.key",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			public, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				return fmt.Errorf("make key: %w", err)
			}
			der, err := x509.MarshalPKCS8PrivateKey(private)
			if err != nil {
				return fmt.Errorf("make key: %w", err)
			}
			text := base64.StdEncoding.EncodeToString(public)
			if err := writeNew(file, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})); err != nil {
				return hint(err, "give another name: penstock plugin keygen -o FILE")
			}
			if err := os.WriteFile(file+".pub", []byte(text+"\n"), 0o644); err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, text)
			fmt.Fprintf(a.stderr, "This is the public key, also in %s.pub. Keep %s to yourself.\n", file, file)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "out", "o", defaultKeyFile, "where the private key goes; it must not be there yet")
	return cmd
}

// pemType is what a private key's file says that it is. Other tools write such files, too:
// openssl genpkey -algorithm ed25519.
const pemType = "PRIVATE KEY"

func (a *app) pluginSignCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:     "sign FILE --key KEYFILE",
		Short:   "Sign a module; the signature goes to FILE.sig",
		Long:    "Sign what plugin build has made: every change of the file, also of its manifest, needs a new signature.",
		Example: "  penstock plugin sign first-router/first-router.wasm --key plugin.key",
		Args:    exactly(1, "a module's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			binary, err := readModule(args[0])
			if err != nil {
				return err
			}
			private, err := readPrivateKey(key)
			if err != nil {
				return hint(err, "penstock plugin keygen makes a key")
			}
			if err := os.WriteFile(args[0]+".sig", []byte(wasm.Sign(private, binary)+"\n"), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "signed %s: %s.sig\n", args[0], args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", defaultKeyFile, "file with the private key")
	return cmd
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

func (a *app) pluginVerifyCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:     "verify FILE --key PUBLIC",
		Short:   "Check a module against FILE.sig",
		Long:    "PUBLIC is the public key as keygen prints it, or a file that holds it.",
		Example: "  penstock plugin verify first-router/first-router.wasm --key plugin.key.pub",
		Args:    exactly(1, "a module's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			binary, err := readModule(args[0])
			if err != nil {
				return err
			}
			signature, err := os.ReadFile(args[0] + ".sig")
			if err != nil {
				return hint(fmt.Errorf("%s is not signed: %w", args[0], err), "penstock plugin sign %s --key KEYFILE", args[0])
			}
			public, err := readPublicKey(key)
			if err != nil {
				return err
			}
			if err := wasm.Verify(public, binary, strings.TrimSpace(string(signature))); err != nil {
				return hint(fmt.Errorf("%s: %w", args[0], err), "who has built it must sign it again, or it is not what was signed")
			}
			fmt.Fprintf(a.stdout, "%s is what was signed with this key\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", defaultKeyFile+".pub", "the public key, or a file that holds it")
	return cmd
}

// readPublicKey reads a public key from a file of this name, else from the name itself.
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
