package server

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
)

// DefaultConfig is the configuration file that is used if it exists and none is named.
const DefaultConfig = "penstock.yaml"

// ConfigPath returns the path of the configuration file; empty if there is none.
func (o *Options) ConfigPath() string {
	if o.Config != "" {
		return o.Config
	}
	if path := o.Getenv("PENSTOCK_CONFIG"); path != "" {
		return path
	}
	if _, err := os.Stat(DefaultConfig); err == nil {
		return DefaultConfig
	}
	return ""
}

// Load reads the configuration, or discovers one if there is no file.
func (o *Options) Load(ctx context.Context) (*config.Config, error) { return o.load(ctx, o.Getenv) }

// LoadWithoutSecrets is Load for those that do not call providers: the secrets that the
// configuration refers to need not be there.
func (o *Options) LoadWithoutSecrets(ctx context.Context) (*config.Config, error) {
	return o.load(ctx, nil)
}

func (o *Options) load(ctx context.Context, secrets func(string) string) (*config.Config, error) {
	path := o.ConfigPath()
	if path == "" {
		return config.Discover(ctx, o.Getenv, probe), nil
	}
	c, err := config.Load(path, secrets)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Add(err, "penstock init writes a first %s", DefaultConfig)
	}
	return c, err
}

// probe reports whether a local model server answers.
func probe(ctx context.Context, baseURL string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/models", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
