package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/url"
	"path"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/bundle"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/policies"
)

// policyBundle is a policy that comes from a server. It belongs to the settings that it was
// opened with; snapshots with the same settings share it.
type policyBundle struct {
	server *Server
	config *config.Config
	client *bundle.Client
	key    *policy.BundleKey
	// name is the bundle's in faults, url its address without query.
	name, url string
	// path is where the last good one is kept; empty for nowhere.
	path string

	asking sync.Mutex // held while the server is asked

	mu sync.Mutex // guards what follows
	// engine is the policy of the last good archive.
	engine *policy.Engine
	// etag is the server's last version, good or not; archive and refused are the hashes of the
	// last good and of the last refused archive.
	etag             string
	archive, refused [sha256.Size]byte
	state            bundleState
	results          telemetry.Bundle
}

// bundleState is what /readyz shows of a bundle.
type bundleState struct {
	URL string `json:"url"`
	// Revision is what the bundle's manifest says.
	Revision string `json:"revision,omitempty"`
	ETag     string `json:"etag,omitempty"`
	// Activated is when the policy in force was loaded, Checked when the server last answered.
	Activated time.Time  `json:"activated"`
	Checked   *time.Time `json:"checked,omitempty"`
	// Error is why the server's bundle is not in force: it cannot be fetched, or is refused.
	Error string `json:"error,omitempty"`
}

// openBundle fetches the configuration's bundle and compiles it. If that fails, the one that
// was kept on disk is used. A server without a ledger prefers that one and keeps nothing.
func (s *Server) openBundle(ctx context.Context, c *config.Config) (*policyBundle, error) {
	b, err := s.newBundle(c)
	if err != nil {
		return nil, err
	}
	stored, storedErr := bundle.Load(b.path, b.url)
	if storedErr == nil && s.ledger == nil && b.use(ctx, stored.Archive, stored.ETag) == nil {
		return b, nil
	}
	reply, err := b.fetch(ctx, &stored)
	if err == nil {
		return b, nil
	}
	if storedErr == nil {
		storedErr = b.use(ctx, stored.Archive, "")
	}
	if storedErr != nil {
		b.client.Close()
		return nil, b.cannotStart(err, storedErr)
	}
	if reply == nil {
		b.unreachable(err)
	} else {
		b.refuse(reply, err)
	}
	return b, nil
}

// fetch makes the server's bundle the current policy. If the error is the bundle's, it returns
// it.
func (b *policyBundle) fetch(ctx context.Context, stored *bundle.Stored) (*bundle.Reply, error) {
	reply, err := b.client.Get(ctx, stored.ETag)
	if err == nil && reply.Archive == nil {
		if err = b.use(ctx, stored.Archive, stored.ETag); err == nil {
			b.answered()
			return nil, nil
		}
		reply, err = b.client.Get(ctx, "") // the stored one is damaged, or was verified with another key
	}
	if err != nil {
		return nil, err
	}
	if err := b.use(ctx, reply.Archive, reply.ETag); err != nil {
		return reply, err
	}
	b.activated(reply)
	return nil, nil
}

// cannotStart is the error for a first start without a bundle.
func (b *policyBundle) cannotStart(err, storedErr error) error {
	var faults policy.Faults
	if errors.As(err, &faults) {
		return err
	}
	stored := "none was kept by an earlier start"
	if !errors.Is(storedErr, fs.ErrNotExist) {
		stored = "the one in " + b.path + " cannot be used: " + storedErr.Error()
	}
	return config.Faults{b.config.Fault("policies.bundle", "check the address, the token and the server, then start again", "the bundle cannot be fetched (%v), and %s", err, stored)}
}

func (s *Server) newBundle(c *config.Config) (*policyBundle, error) {
	p := &c.Policies
	b := &policyBundle{server: s, config: c}
	if !p.PublicKey.IsZero() {
		var err error
		if b.key, err = policy.ParseBundleKey(p.PublicKey.Reveal(), string(p.Algorithm), p.Scope); err != nil {
			return nil, config.Faults{c.Fault("policies.public_key", "", "%v", err)}
		}
	}
	u, err := url.Parse(p.Bundle) // which the configuration has checked
	if err != nil {
		return nil, err
	}
	u.RawQuery = ""
	if b.url, b.name = u.String(), path.Base(u.Path); b.name == "/" || b.name == "." {
		b.name = u.Host
	}
	if file := c.Ledger.File(); file != ":memory:" {
		b.path = file + ".bundle"
	}
	header := map[string]string{}
	for name, value := range p.Headers {
		header[name] = value.Reveal()
	}
	if !p.Token.IsZero() {
		header["Authorization"] = "Bearer " + p.Token.Reveal()
	}
	b.client = bundle.NewClient(bundle.Options{URL: p.Bundle, Header: header, Timeout: p.Timeout, MaxSize: int64(p.MaxSize), UserAgent: "penstock/" + s.o.Version})
	b.state.URL = b.url
	return b, nil
}

// read verifies and unpacks an archive.
func (b *policyBundle) read(archive []byte) (policy.Source, error) {
	return policy.ReadBundle(archive, policy.BundleOptions{Name: b.name, Key: b.key, FS: policies.FS})
}

// use verifies, compiles and tests an archive, and makes it the current policy if all is well.
func (b *policyBundle) use(ctx context.Context, archive []byte, etag string) error {
	source, err := b.read(archive)
	if err != nil {
		return err
	}
	engine, err := policy.New(ctx, b.server.policyOptions(b.config, source))
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.engine, b.archive, b.refused, b.etag = engine, sha256.Sum256(archive), [sha256.Size]byte{}, etag
	b.state.Revision, b.state.ETag, b.state.Activated, b.state.Error = source.Revision, etag, time.Now().UTC().Truncate(time.Second), ""
	return nil
}

// current returns the policy of the last good archive.
func (b *policyBundle) current() *policy.Engine {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.engine
}

// ask asks the server for a changed bundle. It reports whether there is a new policy. With
// again, one that was refused is tried again.
func (b *policyBundle) ask(ctx context.Context, again bool) bool {
	b.asking.Lock()
	defer b.asking.Unlock()
	b.mu.Lock()
	if again && b.refused != [sha256.Size]byte{} {
		b.etag, b.refused = "", [sha256.Size]byte{}
	}
	etag := b.etag
	b.mu.Unlock()
	reply, err := b.client.Get(ctx, etag)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		b.unreachable(err)
		return false
	case reply.Archive == nil || b.known(reply):
		b.answered()
		return false
	}
	if err := b.use(ctx, reply.Archive, reply.ETag); err != nil {
		if ctx.Err() == nil {
			b.refuse(reply, err)
		}
		return false
	}
	b.activated(reply)
	return true
}

// activated notes that the server's bundle is in force, and keeps it.
func (b *policyBundle) activated(r *bundle.Reply) {
	b.mu.Lock()
	b.checked()
	b.results.Activated++
	b.mu.Unlock()
	b.keep(r)
}

// checked notes that the server has answered now.
func (b *policyBundle) checked() {
	now := time.Now().UTC().Truncate(time.Second)
	b.state.Checked, b.results.Checked = &now, now
}

// known reports whether the archive is the current one or the one that was refused last, perhaps
// under another ETag.
func (b *policyBundle) known(r *bundle.Reply) bool {
	sum := sha256.Sum256(r.Archive)
	b.mu.Lock()
	defer b.mu.Unlock()
	if sum == b.archive {
		b.etag, b.state.ETag, b.refused = r.ETag, r.ETag, [sha256.Size]byte{}
		return true
	}
	if sum == b.refused {
		b.etag = r.ETag
		return true
	}
	return false
}

// answered notes that the server still has a known bundle. One that was refused stays an
// error.
func (b *policyBundle) answered() {
	b.mu.Lock()
	b.checked()
	b.results.Unchanged++
	back := b.state.Error != "" && b.refused == [sha256.Size]byte{}
	if back {
		b.state.Error = ""
	}
	b.mu.Unlock()
	if back {
		b.server.log.Info("the policy bundle's server answers again with the bundle in force", "url", b.url)
	}
}

// unreachable notes that the bundle could not be fetched.
func (b *policyBundle) unreachable(err error) {
	b.mu.Lock()
	b.results.Failed++
	news := b.refused == [sha256.Size]byte{} && b.setError("cannot be fetched: "+err.Error())
	b.mu.Unlock()
	if news {
		b.server.log.Warn("the policy bundle cannot be fetched, the last good one stays", "url", b.url, "err", err)
	}
}

// refuse notes that the server's bundle is not valid.
func (b *policyBundle) refuse(r *bundle.Reply, err error) {
	b.mu.Lock()
	b.checked()
	b.results.Refused++
	b.etag, b.refused = r.ETag, sha256.Sum256(r.Archive)
	news := b.setError("refused: " + err.Error())
	b.mu.Unlock()
	if news {
		b.server.log.Error("the policy bundle is refused, the last good one stays", "url", b.url, "etag", r.ETag, "err", err)
	}
}

// setError reports whether the error is another one than before.
func (b *policyBundle) setError(text string) bool {
	news := b.state.Error != text
	b.state.Error = text
	return news
}

// keep stores the bundle for a start without the server.
func (b *policyBundle) keep(r *bundle.Reply) {
	if b.path == "" || b.server.ledger == nil {
		return
	}
	if err := bundle.Save(b.path, bundle.Stored{URL: b.url, ETag: r.ETag, Archive: r.Archive}); err != nil {
		b.server.log.Error("the policy bundle cannot be kept for a start without its server", "err", err)
	}
}

func (b *policyBundle) ready() *bundleState {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	state := b.state
	return &state
}

// bundleMetrics returns the figures of the bundle; false without one.
func (s *Server) bundleMetrics() (telemetry.Bundle, bool) {
	sn := s.snapshot.Load()
	if sn == nil || sn.bundle == nil {
		return telemetry.Bundle{}, false
	}
	b := sn.bundle
	b.mu.Lock()
	defer b.mu.Unlock()
	figures := b.results
	figures.Failing = b.state.Error != ""
	return figures, true
}

// pollBundle asks for a changed bundle, now and then and after a reload, until ctx ends.
func (s *Server) pollBundle(ctx context.Context) {
	every := func() time.Duration {
		if c := s.snapshot.Load().config; c.Policies.Bundle != "" {
			return c.Policies.Every
		}
		return time.Hour // a reload that names one ends the wait
	}
	bundle.Poll(ctx, every, s.askBundle, s.updateBundle)
}

// updateBundle asks for a changed bundle and puts its policy in force. With again, one that was
// refused is tried again.
func (s *Server) updateBundle(ctx context.Context, again bool) {
	if b := s.snapshot.Load().bundle; b != nil && b.ask(ctx, again) {
		s.auditReload(ctx, "the policy bundle has changed", s.reload) // which takes the new policy
	}
}
