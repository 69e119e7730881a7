package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// Replay ranks a request in the ledger again, with the router and the settings that ranked it
// then. The error is an *llm.Error where that is not possible.
func (s *Server) Replay(ctx context.Context, l *ledger.Reader, id string) (*replay.Result, error) {
	r, err := l.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.Ranking == nil || r.Ranking.Input.Route == "" {
		_, err := replay.Replay(ctx, r, &llm.RouteFacts{}, replay.Router{})
		return nil, notReplayable(err)
	}
	f, err := l.RouteFacts(ctx, r.Ranking.Input.Route)
	if err != nil {
		return nil, err
	}
	sn := s.acquire()
	defer sn.release()
	router, err := sn.router(ctx, s, f.Router, f.With)
	if err != nil {
		return nil, notReplayable(fmt.Errorf("its router %s can't be used any more: %s", llm.Quote(f.Router), rejected(err)))
	}
	if router.ReadsPrompt {
		router.Text = s.textOf(ctx, r)
	}
	out, err := replay.Replay(ctx, r, f, router)
	return out, notReplayable(err)
}

// notReplayable is the caller's error for a ranking that cannot be computed again; nil for nil.
func notReplayable(err error) error {
	if err == nil {
		return nil
	}
	return &llm.Error{Code: "not_replayable", Status: http.StatusConflict, Message: "The routing of this request cannot be replayed: " + err.Error() + ".", Err: err}
}

// router returns a router with settings, a JSON object or nil, for replaying. The error says
// what is wrong with the name or the settings.
func (sn *snapshot) router(ctx context.Context, s *Server, name string, with json.RawMessage) (replay.Router, error) {
	module := s.builtin
	plugin, isPlugin := sn.plugins[name]
	if isPlugin {
		module = plugin.module
	}
	router, err := wasm.NewRouter(module, time.Now)
	if err != nil {
		return replay.Router{}, err
	}
	ranker, err := router.Prepare(name, with)
	if err == nil {
		err = ranker.Check(ctx)
	}
	if err != nil {
		return replay.Router{}, err
	}
	return replay.Router{Ranker: ranker, Module: router.Module(), Plugin: isPlugin, ReadsPrompt: router.ReadsPrompt()}, nil
}

// textOf returns the request of a record with its body; nil when that is not kept, or not as
// a whole, or cannot be read.
func (s *Server) textOf(ctx context.Context, r *llm.Record) *llm.Request {
	if r.RequestText == "" || r.TextCut && len(r.RequestText) >= llm.MaxText-utf8.UTFMax {
		return nil
	}
	dialect := r.Dialect
	if dialect == "" {
		dialect = llm.OpenAI
	}
	path, ok := wire.PathOf(r.Endpoint, dialect, r.Model, r.Stream)
	if !ok {
		return nil
	}
	req, format, err := s.requestAt(ctx, path, []byte(r.RequestText))
	if err != nil {
		return nil
	}
	defer format.Close()
	if req.Canonical != nil {
		_, _ = req.Canonical(ctx) // while the format is open; it is kept
	}
	return req
}

// requestAt reads the body of a request that a client sends to a path. Without an error the
// format must be closed, when the request is no longer used.
func (s *Server) requestAt(ctx context.Context, path string, body []byte) (*llm.Request, httpapi.Format, error) {
	format, ok := formats{s}.Open(path, nil, "dry-run")
	var req *llm.Request
	err := error(&llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "endpoint",
		Message: "endpoint: requests can't be sent to " + llm.Quote(path) + "; write messages, responses, chat/completions, or a path such as /v1beta/models/NAME:streamGenerateContent."})
	if ok {
		req, err = format.Request(ctx, llm.Incoming{RequestID: "dry-run", Path: path, Body: body, Received: time.Now()})
	}
	if err != nil {
		format.Close()
	}
	return req, format, err
}
