package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/labels"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/oidc"
	"github.com/penstock/penstock/gateway/internal/pipeline"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/routes"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// snapshot is everything built from one configuration: routes, policy, clients, plugins
// and the pipeline over them. A reload builds a new one and swaps it in; the old one is
// closed when its last request has ended.
type snapshot struct {
	config  *config.Config
	catalog *catalog.Catalog
	routes  *routes.Routes
	policy  *policy.Engine
	bundle  *policyBundle // nil when the policy is not from one
	clients map[string]*client
	plugins map[string]plugin
	// callers are the plugins' dialects that callers use at endpoints.
	callers  map[string]*wasm.ClientDialect
	dialects *wire.Dialects
	pipeline *pipeline.Pipeline
	// classifier asks the endpoints that label requests.
	classifier *labels.Labeler
	// issuers verify the tokens that callers send in place of a key.
	issuers *oidc.Issuers

	mu    sync.Mutex
	users int
	// draining says that the snapshot takes no more users; drained is closed when the last
	// of them has gone.
	draining bool
	drained  chan struct{}
}

// build makes the snapshot of a configuration. The error holds every fault of what the
// configuration refers to, with its place in the file.
func (s *Server) build(ctx context.Context, c *config.Config) (*snapshot, error) {
	sn := &snapshot{config: c, clients: map[string]*client{}, plugins: map[string]plugin{}, callers: map[string]*wasm.ClientDialect{}, drained: make(chan struct{}), classifier: labels.New(time.Now)}
	ranker := newRouterStage()
	dialects := &wire.Dialects{Modules: translators{}, Transforms: map[string]wire.Transform{},
		MaxReply: int64(c.Server.MaxReply), MaxBody: int64(c.Server.MaxBody), Fetch: s.mediaFetcher(&c.Media)}
	err := errors.Join(sn.openCatalog(), sn.openIssuers(s), sn.openClients(s), sn.openPolicy(ctx, s), sn.openPlugins(ctx, s), sn.openWeights(ctx, s), sn.openRouters(ctx, s, ranker),
		sn.openTransforms(dialects.Transforms), sn.openTranslators(s, dialects), sn.openEndpoints())
	if err != nil {
		sn.close()
		return nil, err
	}
	sn.dialects = dialects
	sn.routes = routes.New(c, sn.catalog, s.o.ConfigPath() == "", sn.digests())
	sn.pipeline = pipeline.New(pipeline.Stages{
		Routes:     sn.routes,
		Policy:     policyStage{sn.policy},
		Cache:      cacheStage{s.cache},
		Classifier: sn.classifier,
		Router:     ranker,
		Dialects:   dialectStage{dialects},
		Upstream:   upstreamStage{sn.clients, s.retries},
		Health:     healthStage{s.health, sn.clients},
		Capacity:   s.capacity,
		Prompts:    s.prompts,
		Outputs:    s.outputs,
		Meter:      s.holds,
		Tokens:     &s.tokens,
		Ledger:     s.ledger,
		Sinks:      s.sinks(),
		Log:        s.log,
		Now:        time.Now,
	})
	return sn, nil
}

// openPolicy compiles the policy, or takes over the current snapshot's, with its
// memoised decisions, if nothing about it has changed.
func (sn *snapshot) openPolicy(ctx context.Context, s *Server) (err error) {
	c, old := sn.config, s.snapshot.Load()
	same := old != nil && config.Equal(old.config.Policies, c.Policies) && old.config.TimeZone == c.TimeZone
	if c.Policies.Bundle != "" {
		if same {
			sn.bundle = old.bundle
		} else if sn.bundle, err = s.openBundle(ctx, c); err != nil {
			return err
		}
		sn.policy = sn.bundle.current()
		return nil
	}
	if same && old.policy.Current() {
		sn.policy = old.policy
		return nil
	}
	sn.policy, err = policy.New(ctx, s.policyOptions(c, policyIn(c.Policies.Folder)))
	var faults policy.Faults
	if err != nil && !errors.As(err, &faults) && !c.Policies.IsZero() {
		return config.Faults{c.Fault("policies", "name a folder of .rego files", "%v", err)}
	}
	return err
}

// policyOptions are the options of the policy that decides on requests.
func (s *Server) policyOptions(c *config.Config, source policy.Source) policy.Options {
	o := policy.Options{Source: source, Log: s.log, Location: c.TimeZone.Location(), Usage: s.usage, Workers: s.workers}
	if s.decisions != nil {
		o.Decisions = s.decisions.Decided
	}
	return o
}

// usage returns how much of each limit is used, in percent.
func (s *Server) usage(limits []llm.Limit) []int {
	percent := make([]int, len(limits))
	for i, l := range s.raised(limits, time.Time{}) {
		percent[i] = s.meter.Percent(l)
	}
	return percent
}

// acquire returns the current snapshot, which stays open until its release.
func (s *Server) acquire() *snapshot {
	for {
		sn := s.snapshot.Load()
		sn.mu.Lock()
		if !sn.draining {
			sn.users++
			sn.mu.Unlock()
			return sn
		}
		sn.mu.Unlock()
	}
}

func (sn *snapshot) release() {
	sn.mu.Lock()
	defer sn.mu.Unlock()
	sn.users--
	if sn.draining && sn.users == 0 {
		close(sn.drained)
	}
}

// drain makes the snapshot take no more users.
func (sn *snapshot) drain() {
	sn.mu.Lock()
	defer sn.mu.Unlock()
	sn.draining = true
	if sn.users == 0 {
		close(sn.drained)
	}
}

// closeDrained closes a draining snapshot when its last user has gone, or ctx has ended.
func (sn *snapshot) closeDrained(ctx context.Context) {
	select {
	case <-sn.drained:
	case <-ctx.Done():
	}
	sn.close()
}

func (sn *snapshot) close() {
	if sn.pipeline != nil {
		sn.pipeline.Close()
	}
	sn.classifier.Close()
	if sn.issuers != nil {
		sn.issuers.Close()
	}
	for _, c := range sn.clients {
		c.release()
	}
	for _, p := range sn.plugins {
		p.module.Release() // the last snapshot or stream that uses it unloads it
	}
}
