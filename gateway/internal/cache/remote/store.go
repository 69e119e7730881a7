// Package remote keeps cached replies in Redis or Valkey, where several gateways share them
// and none loses them when it ends. It is the only importer of rueidis.
//
// The server is never depended on: a read waits for a bounded time, a write is made in the
// background, and while the server does not answer nothing is asked of it. What it holds is
// not trusted: every value is signed, with its key, so that one written by anybody else, or
// copied from another tenant, counts as missing.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/penstock/penstock/gateway/internal/hint"
)

// The defaults and bounds.
const (
	// DefaultWait is how long a read waits.
	DefaultWait = 20 * time.Millisecond
	// DefaultMaxValue bounds a value, in bytes.
	DefaultMaxValue = 4 << 20
	// MinSecret is the length of the shortest secret, in bytes.
	MinSecret = 16
	// maxTTL bounds how long a value is kept: as long as a purge is remembered.
	maxTTL = 7 * 24 * time.Hour
)

// Options say where the server is, and how it is used.
type Options struct {
	// URL is redis://, rediss:// or valkey://USER:PASSWORD@HOST:PORT/DB, or unix:///SOCKET.
	URL string
	// Secret signs values. All gateways of one server have the same; MinSecret bytes at least.
	Secret []byte
	// Wait bounds a read; zero means DefaultWait.
	Wait time.Duration
	// MaxValue bounds a value, in bytes; zero means DefaultMaxValue.
	MaxValue int
	// OnPurge is called when another gateway has purged a group, or everything if the group is
	// empty; nil means that nobody is told.
	OnPurge func(group string)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log is told when the server stops answering, and when it answers again.
	Log *slog.Logger
}

// Store is the server as one gateway uses it. It is safe for concurrent use.
type Store struct {
	o      Options
	link   link
	signer signer
	writes writes
	purges purges

	hits, misses, rejected, failed atomic.Int64

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open starts to use the server. It does not wait for it: what is wrong with the address or
// the secret is an error, a server that does not answer is not.
func Open(o Options) (*Store, error) {
	options, err := rueidis.ParseURL(o.URL)
	if err != nil {
		return nil, hint.Add(errors.New("the address of the cache's server is invalid"), "write redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:///PATH")
	}
	if len(o.Secret) < MinSecret {
		return nil, hint.Add(fmt.Errorf("the secret of the cache has %d bytes", len(o.Secret)), "give at least %d, such as from: openssl rand -hex 32", MinSecret)
	}
	if o.Wait <= 0 {
		o.Wait = DefaultWait
	}
	if o.MaxValue <= 0 {
		o.MaxValue = DefaultMaxValue
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{o: o, signer: newSigner(o.Secret)}
	s.link.init(options, o.Log)
	s.writes.init()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.link.keep(ctx) })
	s.done.Go(func() { s.write(ctx) })
	s.done.Go(func() { s.followPurges(ctx) })
	return s, nil
}

// Close writes what is waiting, for at most a second, and ends. It may be called once.
func (s *Store) Close() {
	s.writes.close(time.Second)
	s.stop()
	s.done.Wait()
	s.link.close()
}

// Get returns the value of a key, when it was put and until when it holds. It is false when
// there is none, when it is not what a gateway with the same secret has put there, when it was
// purged with all others, and when the server does not answer in time.
func (s *Store) Get(ctx context.Context, key [32]byte) (data []byte, created, until time.Time, ok bool) {
	v, ok := s.get(ctx, key)
	return v.data, v.created, v.until, ok
}

func (s *Store) get(ctx context.Context, key [32]byte) (value, bool) {
	client, ok := s.link.use()
	if !ok {
		return value{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Wait)
	defer cancel()
	name := s.signer.name(key)
	// GETRANGE, so that no more is read than a value may have.
	text, err := client.Do(ctx, client.B().Getrange().Key(name).Start(0).End(int64(overhead+s.o.MaxValue)).Build()).AsBytes()
	if wrongType(err) {
		s.link.succeeded()
		s.rejected.Add(1)
		return value{}, false
	}
	if err != nil {
		s.failed.Add(1)
		s.link.failed(err)
		return value{}, false
	}
	s.link.succeeded()
	if len(text) == 0 {
		s.misses.Add(1)
		return value{}, false
	}
	v, err := s.signer.open(name, text, s.o.Now())
	switch {
	case errors.Is(err, errOver) || err == nil && s.purges.everything(v.created):
		s.misses.Add(1)
		return value{}, false
	case err != nil || len(v.data) > s.o.MaxValue:
		s.rejected.Add(1)
		return value{}, false
	}
	s.hits.Add(1)
	return v, true
}

// Put keeps a value for a key. It does not wait, and keeps nothing if ttl is not
// above zero, if the value is too large, or if too many are waiting to be written.
func (s *Store) Put(key [32]byte, data []byte, ttl time.Duration) {
	ttl = min(ttl, maxTTL)
	if ttl < time.Millisecond || len(data) > s.o.MaxValue {
		return
	}
	name := s.signer.name(key)
	s.writes.add(write{name: name, value: s.signer.seal(name, data, s.o.Now(), ttl), ttl: ttl})
}

// Delete removes the value of a key, in the background.
func (s *Store) Delete(key [32]byte) {
	s.writes.add(write{name: s.signer.name(key)})
}

// Stats are counts since the start.
type Stats struct {
	Hits, Misses int64
	// Rejected are values that no gateway with the same secret has put there for that key,
	// Failed reads that were not answered in time, Dropped writes that were not made.
	Rejected, Failed, Dropped int64
	// Down says that the server does not answer now.
	Down bool
}

// Stats returns the counts.
func (s *Store) Stats() Stats {
	return Stats{Hits: s.hits.Load(), Misses: s.misses.Load(), Rejected: s.rejected.Load(), Failed: s.failed.Load(), Dropped: s.writes.dropped.Load(), Down: s.link.down()}
}
