package remote

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// purgeKey is a hash from groups to when they were purged, in Unix milliseconds.
	purgeKey = prefix + "purged"
	// everyGroup is the group that all values are in. No group's name is empty.
	everyGroup = ""
	// purgeInterval is how soon a purge by another gateway is known here.
	purgeInterval = time.Second
	// purgeMargin is how long after a purge values are hidden, too: gateways' clocks differ.
	purgeMargin = 5 * time.Second
	// maxPurged bounds the groups; beyond it, everything is purged.
	maxPurged = 10_000
)

// purges are the groups of values that were purged, by whichever gateway.
type purges struct {
	mu     sync.RWMutex
	groups map[string]time.Time
	all    time.Time
}

// everything reports whether a value that was put at this time has been purged with all others.
func (p *purges) everything(created time.Time) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return hidden(created, p.all)
}

func hidden(created, purged time.Time) bool {
	return !purged.IsZero() && created.Before(purged.Add(purgeMargin))
}

// Purged reports whether a value that was put at this time has been purged with one of its
// groups.
func (s *Store) Purged(created time.Time, groups ...string) bool {
	p := &s.purges
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, g := range groups {
		if hidden(created, p.groups[g]) {
			return true
		}
	}
	return hidden(created, p.all)
}

// Purge hides the values of a group, or all values if the group is empty, from this gateway at
// once and from the others within a second. The error is the server's: then only this gateway
// has forgotten them.
func (s *Store) Purge(ctx context.Context, group string) error {
	now := s.o.Now()
	s.purges.note(map[string]time.Time{group: now})
	client, ok := s.link.use()
	if !ok {
		return errDown
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if group == everyGroup { // the others are part of it
		if err := client.Do(ctx, client.B().Del().Key(purgeKey).Build()).Error(); err != nil {
			s.link.failed(err)
			return err
		}
	}
	for _, result := range client.DoMulti(ctx,
		client.B().Hset().Key(purgeKey).FieldValue().FieldValue(group, strconv.FormatInt(now.UnixMilli(), 10)).Build(),
		client.B().Pexpire().Key(purgeKey).Milliseconds(2*maxTTL.Milliseconds()).Build()) {
		if err := result.Error(); err != nil {
			s.link.failed(err)
			return err
		}
	}
	return nil
}

// note adds purges to those that are known, and returns the groups whose purge is news.
func (p *purges) note(more map[string]time.Time) (news []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for group, at := range more {
		if known := p.groups[group]; group == everyGroup && at.After(p.all) || group != everyGroup && at.After(known) && at.After(p.all) {
			news = append(news, group)
		}
		if group == everyGroup {
			p.all = later(p.all, at)
			continue
		}
		if p.groups == nil {
			p.groups = map[string]time.Time{}
		}
		if len(p.groups) >= maxPurged {
			p.all, p.groups = later(p.all, at), nil
			continue
		}
		p.groups[group] = later(p.groups[group], at)
	}
	return news
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// followPurges learns what other gateways have purged.
func (s *Store) followPurges(ctx context.Context) {
	for sleep(ctx, purgeInterval) {
		client, ok := s.link.use()
		if !ok {
			continue
		}
		s.readPurges(ctx, client)
	}
}

func (s *Store) readPurges(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	fields, err := client.Do(ctx, client.B().Hgetall().Key(purgeKey).Build()).AsStrMap()
	if err != nil {
		s.link.failed(err)
		return
	}
	more := make(map[string]time.Time, len(fields))
	for group, at := range fields {
		if n, err := strconv.ParseInt(at, 10, 64); err == nil {
			more[group] = time.UnixMilli(n)
		}
	}
	for _, group := range s.purges.note(more) {
		if s.o.OnPurge != nil {
			s.o.OnPurge(group)
		}
	}
}
