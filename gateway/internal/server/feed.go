package server

import (
	"context"
	"net/http"
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxFollowers bounds those who follow the records at once.
const maxFollowers = 64

// feed hands every record to those who follow. The zero value is ready; it is safe for
// concurrent use.
type feed struct {
	mu        sync.RWMutex
	followers map[*follower]struct{}
}

type follower struct{ each func(*llm.Record) }

// publish hands a record to all followers.
func (f *feed) publish(r *llm.Record) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.followers) == 0 {
		return
	}
	kept := r.Kept()
	for x := range f.followers {
		x.each(kept)
	}
}

// follow calls each with every record until ctx ends. The function must not block, nor change
// the record.
func (f *feed) follow(ctx context.Context, each func(*llm.Record)) error {
	x := &follower{each}
	if err := f.add(x); err != nil {
		return err
	}
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.followers, x)
	return nil
}

func (f *feed) add(x *follower) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.followers) >= maxFollowers {
		return &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable,
			Message: "Too many pages and commands follow the requests already. Close some of them, or try again later."}
	}
	if f.followers == nil {
		f.followers = map[*follower]struct{}{}
	}
	f.followers[x] = struct{}{}
	return nil
}
