package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/penstock/penstock/gateway/internal/atomicfile"
	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/catalog/source"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
)

// openCatalog opens the catalogue with the configuration's file over it.
func openCatalog(c *config.Config) (*catalog.Catalog, error) {
	cat, err := catalog.Open(c.Catalog)
	if err != nil && c.Catalog != "" {
		return nil, config.Faults{c.Fault("catalog", "penstock catalog update FILE writes it anew", "%v", err)}
	}
	return cat, err
}

func (sn *snapshot) openCatalog() (err error) {
	sn.catalog, err = openCatalog(sn.config)
	return err
}

// summary counts changes of the catalogue for a line of the log; empty without any.
func summary(c catalog.Changes) string {
	var parts []string
	for _, one := range []struct {
		n    int
		what string
	}{{len(c.New), "new"}, {len(c.Prices), "with another price"}, {len(c.Other), "with other facts"}, {len(c.Removed), "removed"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	return strings.Join(parts, ", ")
}

// CatalogUpdate says what an update of the catalogue has done, or would do.
type CatalogUpdate struct {
	// From is the kind of the file that was read, File the one that was written.
	From, File string
	Changes    catalog.Changes
	// Unpriced are models whose prices the catalogue has no columns for; Skipped is how many
	// entries were for other providers, or no models of text.
	Unpriced []string
	Skipped  int
}

// maxImport bounds a file that is imported, in bytes.
const maxImport = 64 << 20

// UpdateCatalog makes the configuration's file of models from one of models.dev or of LiteLLM.
// to names another file to write, dry none at all. If anything is wrong, the file stays as it is.
func (o *Options) UpdateCatalog(ctx context.Context, from, to string, dry bool) (*CatalogUpdate, error) {
	c, err := o.LoadWithoutSecrets(ctx)
	if err != nil {
		return nil, err
	}
	if to = cmp.Or(to, c.Catalog); to == "" {
		return nil, hint.Add(errors.New("the configuration names no file for the catalogue"), "write `catalog: catalog.tsv` in it, or give --to FILE")
	}
	raw, err := readBounded(from, maxImport)
	if errors.Is(err, fs.ErrNotExist) {
		err = hint.Add(err, "download https://models.dev/api.json, or LiteLLM's model_prices_and_context_window.json, and name the file")
	}
	if err != nil {
		return nil, err
	}
	facts, err := source.Read(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	rows := source.Table(facts.Rows, "penstock catalog update, from "+facts.From)
	now, err := catalog.Over(string(rows))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	before, err := catalog.Open(to)
	if err != nil { // there is none yet, or it is the broken one that is to be replaced
		before, err = catalog.Load()
	}
	if err == nil && !dry {
		err = atomicfile.Write(to, rows, 0o644)
	}
	if err != nil {
		return nil, err
	}
	return &CatalogUpdate{From: facts.From, File: to, Changes: now.Compare(before), Unpriced: facts.Unpriced, Skipped: facts.Skipped}, nil
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return raw, err
}
