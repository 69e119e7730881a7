package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/plugintool"
)

// defaultKeyFile is the file in which keygen writes a key.
const defaultKeyFile = "plugin.key"

func (e *environment) pluginKeygenCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "keygen [-o FILE]",
		Short: "Create a key that signs plugins",
		Long: "The private key goes to a file that only you can read, the public one to FILE.pub and standard output:\n" +
			"it belongs into the configuration of every gateway that should trust what you sign.",
		Example: "  penstock plugin keygen -o release.key",
		Args:    exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			public, err := plugintool.GenerateKey(file)
			if err != nil {
				return err
			}
			fmt.Fprintln(e.stdout, public)
			fmt.Fprintf(e.stderr, "This is the public key, also in %s.pub. Keep %s to yourself.\n", file, file)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "out", "o", defaultKeyFile, "where the private key goes; it must not exist")
	return cmd
}

func (e *environment) pluginSignCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:     "sign FILE --key KEYFILE",
		Short:   "Sign a module; the signature goes to FILE.sig",
		Long:    "Sign what plugin build has made: every change of the file, also of its manifest, needs a new signature.",
		Example: "  penstock plugin sign first-router/first-router.wasm --key plugin.key",
		Args:    exactly(1, "a module's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := plugintool.Sign(args[0], key); err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "signed %s: %s.sig\n", args[0], args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", defaultKeyFile, "file with the private key")
	return cmd
}

func (e *environment) pluginVerifyCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:     "verify FILE --key PUBLIC",
		Short:   "Check a module against FILE.sig",
		Long:    "PUBLIC is the public key as keygen prints it, or a file that holds it.",
		Example: "  penstock plugin verify first-router/first-router.wasm --key plugin.key.pub",
		Args:    exactly(1, "a module's file"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := plugintool.Verify(args[0], key); err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "%s is what was signed with this key\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", defaultKeyFile+".pub", "the public key, or a file that holds it")
	return cmd
}
