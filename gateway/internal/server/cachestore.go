package server

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/cache/remote"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

// openCacheStore opens the server in which several gateways share replies, if there is one. It
// need not answer: then requests go on without it.
func (s *Server) openCacheStore(_ context.Context, c *config.Config) (err error) {
	if c.Cache.Store.IsZero() || s.cache == nil {
		return nil
	}
	s.cacheStore, err = remote.Open(remote.Options{URL: c.Cache.Store.Reveal(), Secret: []byte(c.Cache.Secret.Reveal()), OnPurge: s.cache.Purged, Log: s.log})
	if err != nil {
		return config.Faults{c.Fault("cache.store", "", "%v", err)}
	}
	s.cache.UseRemote(s.cacheStore)
	return nil
}

// cacheStoreMetrics returns the state of the cache's store; false without one.
func (s *Server) cacheStoreMetrics() (telemetry.CacheStore, bool) {
	if s.cacheStore == nil {
		return telemetry.CacheStore{}, false
	}
	st := s.cacheStore.Stats()
	return telemetry.CacheStore{Hits: st.Hits, Misses: st.Misses, Rejected: st.Rejected, Failed: st.Failed, Dropped: st.Dropped, Down: st.Down}, true
}
