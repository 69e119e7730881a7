package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// CompareRouters replays the records of a ledger through two routers. The error is an
// *llm.Error where it is the asker's.
func (s *Server) CompareRouters(ctx context.Context, l *ledger.Reader, q admin.Comparison) (*replay.Report, error) {
	sn := s.acquire()
	defer sn.release()
	var routers [2]replay.Router
	for i, spec := range []admin.RouterSpec{q.A, q.B} {
		router, err := sn.router(ctx, s, spec.Router, spec.With)
		if err != nil {
			return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "router", Err: err,
				Message: "Router " + llm.Quote(spec.Router) + ": " + rejected(err) + "."}
		}
		routers[i] = router
	}
	c := replay.Compare(describe(q.A), routers[0], describe(q.B), routers[1])
	facts := factsCache{l: l}
	text := func(r *llm.Record) *llm.Request { return s.textOf(ctx, r) }
	err := l.Each(ctx, ledger.Range(q.Selection), func(r *llm.Record) error {
		return c.Add(ctx, r, func(digest string) (*llm.RouteFacts, error) { return facts.get(ctx, digest) }, text)
	})
	if err != nil {
		return nil, err
	}
	return c.Report(), nil
}

// rejected returns what a module says of wrong settings, or any other error as it is.
func rejected(err error) string {
	if r := new(hook.Rejection); errors.As(err, &r) {
		_, message := r.Setting()
		return message
	}
	return err.Error()
}

// describe names a router with its settings.
func describe(r admin.RouterSpec) string {
	if len(r.With) == 0 {
		return r.Router
	}
	return r.Router + " " + string(compact(r.With))
}

// compact returns JSON without spaces; what is no JSON comes back as it is.
func compact(text json.RawMessage) json.RawMessage {
	out, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return out
}

// factsCache keeps the facts of routes that were read last.
type factsCache struct {
	l    *ledger.Reader
	kept bounded.Map[string, *llm.RouteFacts]
}

func (f *factsCache) get(ctx context.Context, digest string) (*llm.RouteFacts, error) {
	if known, ok := f.kept.Get(digest); ok {
		return known, nil
	}
	found, err := f.l.RouteFacts(ctx, digest)
	if err == nil {
		f.kept.Put(digest, found)
	}
	return found, err
}
