package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"github.com/penstock/penstock/gateway/internal/config"
)

// defaultFile is the configuration that is used when it is there and none is named.
const defaultFile = "penstock.yaml"

// configPath is the configuration file that the command line means; empty means
// that there is none.
func (a *app) configPath() string {
	if a.config != "" {
		return a.config
	}
	if path := a.getenv("PENSTOCK_CONFIG"); path != "" {
		return path
	}
	if _, err := os.Stat(defaultFile); err == nil {
		return defaultFile
	}
	return ""
}

// load reads the configuration, or discovers one where there is no file.
func (a *app) load(ctx context.Context) (*config.Config, error) { return a.loadWith(ctx, a.getenv) }

// loadWith is load with the environment that secrets come from; nil reads none.
func (a *app) loadWith(ctx context.Context, getenv func(string) string) (*config.Config, error) {
	path := a.configPath()
	if path == "" {
		return config.Discover(ctx, a.getenv, probe), nil
	}
	c, err := config.Load(path, getenv)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint(err, "penstock init writes a first %s", defaultFile)
	}
	return c, err
}

// probe asks a local model server for its models, the cheapest question there is.
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

// describe says in a word where a configuration came from.
func describe(path string) string {
	if path == "" {
		return "no configuration file"
	}
	return fmt.Sprintf("configuration %s", path)
}
