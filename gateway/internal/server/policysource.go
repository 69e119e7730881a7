package server

import (
	"context"
	"fmt"
	"os"

	"github.com/penstock/penstock/gateway/internal/bundle"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/policies"
)

// policyIn is the policy in a folder, the built-in one if dir is empty.
func policyIn(dir string) policy.Source { return policy.Source{Dir: dir, FS: policies.FS} }

// maxBundleFile bounds a bundle in a file, in bytes.
const maxBundleFile = 256 << 20

// PolicySource is the policy in a folder or in a bundle's file, the built-in one if path is
// empty. The signature of a file is not verified: who names it trusts it.
func PolicySource(path string) (policy.Source, error) {
	info, err := os.Stat(path)
	if path == "" || err != nil || !info.Mode().IsRegular() {
		return policyIn(path), nil // its own errors say what is wrong with it
	}
	if info.Size() > maxBundleFile {
		return policy.Source{}, fmt.Errorf("%s is larger than %d MiB", path, maxBundleFile>>20)
	}
	archive, err := os.ReadFile(path)
	if err != nil {
		return policy.Source{}, err
	}
	return policy.ReadBundle(archive, policy.BundleOptions{Name: path, FS: policies.FS})
}

// ConfiguredPolicy is the policy that the configuration names. A bundle is the one that the
// gateway has kept, or else fetched; its signature is verified.
func (o *Options) ConfiguredPolicy(ctx context.Context) (policy.Source, error) {
	if o.ConfigPath() == "" {
		return policyIn(""), nil
	}
	c, err := o.LoadWithoutSecrets(ctx)
	if err != nil {
		return policy.Source{}, err
	}
	if c.Policies.Bundle == "" {
		return policyIn(c.Policies.Folder), nil
	}
	if c, err = o.Load(ctx); err != nil {
		return policy.Source{}, err
	}
	b, err := newServer(*o).newBundle(c)
	if err != nil {
		return policy.Source{}, err
	}
	defer b.client.Close()
	if stored, err := bundle.Load(b.path, b.url); err == nil {
		return b.read(stored.Archive)
	}
	reply, err := b.client.Get(ctx, "")
	if err != nil {
		return policy.Source{}, fmt.Errorf("fetch the policy bundle: %w", err)
	}
	return b.read(reply.Archive)
}
