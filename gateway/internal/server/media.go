package server

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/media"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// mediaFetcher fetches media as the configuration lets it; nil where that does not.
func (s *Server) mediaFetcher(c *config.Media) wire.MediaFetcher {
	if !c.Fetch {
		return nil
	}
	f := media.New(media.Options{MaxBytes: int64(c.MaxBytes), Timeout: c.Timeout, Hosts: c.HostList(), AllowPrivate: c.Networks(),
		UserAgent: "penstock/" + s.o.Version})
	return func(ctx context.Context, url string, kind llm.Features, hold func(int64) error) (string, []byte, error) {
		m, err := f.Fetch(ctx, url, kind, hold)
		return m.Type, m.Data, err
	}
}
