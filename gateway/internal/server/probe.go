package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wire"
)

const (
	// probeTick is how often the prober looks for targets that are due.
	probeTick = time.Second
	// maxProbes bounds the probes that run at once.
	maxProbes = 8
)

// prober calls targets that nobody asks, as their providers' settings say. One goroutine uses it.
type prober struct {
	*Server
	// next is when a target may be probed again, so that a target which can't be called is not
	// tried every second.
	next map[string]time.Time
}

func (s *Server) newProber() *prober { return &prober{s, map[string]time.Time{}} }

// run probes until ctx ends.
func (p *prober) run(ctx context.Context) {
	tick := time.NewTicker(probeTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			p.step(ctx, now)
		}
	}
}

// step probes the targets that are due, and returns when that is done.
func (p *prober) step(ctx context.Context, now time.Time) {
	sn := p.acquire()
	defer sn.release()
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, maxProbes)
	next := map[string]time.Time{}
	for _, id := range sn.routes.Targets() {
		t := sn.routes.Target(id)
		setting := sn.config.Providers[t.Provider].Probe
		if !setting.On() {
			continue
		}
		if next[id] = p.next[id]; !p.due(sn, t, setting, now) {
			continue
		}
		next[id] = now.Add(jittered(setting.Every))
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			p.probe(ctx, sn, t, setting)
		})
	}
	p.next = next
}

// due reports whether a target is to be probed now.
func (p *prober) due(sn *snapshot, t *llm.Target, setting config.HealthProbe, now time.Time) bool {
	due := p.health.ProbeDue(t.ID, setting.Every, credentialsOf(sn.clients, t.ID)...)
	return !due.IsZero() && !now.Before(due) && !now.Before(p.next[t.ID])
}

// jittered spreads times, so that the gateways of a fleet do not probe together.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d/2)+1))
}

// probe calls a target once, unless it must not be called. The call is counted in the metrics
// and is no request of a caller's.
func (p *prober) probe(ctx context.Context, sn *snapshot, t *llm.Target, setting config.HealthProbe) {
	request := fmt.Sprintf("probe-%s-%d", t.ID, rand.Uint64())
	f, ok := p.health.Begin(t.ID, upstream.Asking{Request: request, Credentials: credentialsOf(sn.clients, t.ID)})
	if !ok {
		return
	}
	within, cancel := context.WithTimeout(ctx, setting.Timeout)
	defer cancel()
	ask := probeModels
	if setting.Ask == config.ProbeCompletion && !t.EmbedsOnly {
		ask = probeCompletion
	}
	o, cost, err := ask(within, sn, t, request, f.Credential(), setting)
	o.Probe = true
	switch {
	case ctx.Err() != nil: // the gateway stops, which tells nothing about the target
		o.Fault = llm.FaultCanceled
	case within.Err() != nil:
		o.Fault = llm.FaultTimeout
	}
	f.Done(o)
	if o.Fault == llm.FaultCanceled {
		return
	}
	p.telemetry.Probed(t.ID, o.Fault, cost)
	if err != nil {
		p.log.Warn("a probe failed", slog.String("target", t.ID), slog.String("fault", string(o.Fault)), slog.Any("err", err))
	} else if cost > 0 {
		p.log.Info("a probe was paid for", slog.String("target", t.ID), slog.String("cost", cost.String()))
	}
}

// probeModels asks for the provider's list of models, or for the setting's path. Any answer but a
// refused key, a rate limit and an error of the server shows that the provider is there.
func probeModels(ctx context.Context, sn *snapshot, t *llm.Target, _, credential string, setting config.HealthProbe) (upstream.Outcome, llm.NanoUSD, error) {
	call := llm.Call{Method: http.MethodGet, Path: cmp.Or(setting.Path, config.ModelsPath(t.Dialect)), Credential: credential}
	if t.APIVersion != "" {
		call.Query = "api-version=" + t.APIVersion
	}
	if t.Dialect == llm.Anthropic {
		call.Header = http.Header{"Anthropic-Version": {wire.AnthropicVersion}}
	}
	a, err := sn.clients[t.Provider].Do(ctx, call)
	if err != nil {
		return failedProbe(err, nil), 0, err
	}
	defer a.Body.Close()
	o := upstream.Outcome{Status: a.Status, Header: a.Header}
	switch {
	case a.Status >= 500:
		o.Fault = llm.FaultServer
	case a.Status == http.StatusTooManyRequests:
		o.Fault = llm.FaultRateLimited
	case a.Status == http.StatusUnauthorized:
		o.Fault, o.Credential = llm.FaultAuth, true
	case a.Status >= 400:
		o.Fault = llm.FaultBadRequest
	default:
		_, err = io.Copy(io.Discard, a.Body)
		if err != nil {
			return failedProbe(err, a), 0, err
		}
		return o, 0, nil
	}
	return o, 0, fmt.Errorf("%s answers with the status %d", call.Path, a.Status)
}

// probeBody is what a probe asks a model; its answer has at most probeTokens, the fewest that
// every provider takes.
const (
	probeBody   = `{"model":%s,"messages":[{"role":"user","content":"Say OK."}]}`
	probeTokens = 16
)

// probeCompletion asks the model itself, and returns what that costs.
func probeCompletion(ctx context.Context, sn *snapshot, t *llm.Target, request, credential string, _ config.HealthProbe) (upstream.Outcome, llm.NanoUSD, error) {
	body := fmt.Sprintf(probeBody, llm.Quote(t.Model))
	req, err := wire.AnyClient("", nil, request).Request(ctx, llm.Incoming{RequestID: request, Body: []byte(body)})
	if err != nil {
		return upstream.Outcome{Fault: llm.FaultCanceled}, 0, err
	}
	x := llm.Exchange{Request: req, Route: &llm.Route{Name: "probe"}, Target: t}
	if err := sn.dialects.Prepare(ctx, &x); err != nil {
		return failedProbe(err, nil), 0, err
	}
	x.MaxOutput = probeTokens
	call, err := sn.dialects.Call(ctx, &x)
	if err != nil {
		return failedProbe(err, nil), 0, err
	}
	call.Credential = credential
	a, err := sn.clients[t.Provider].Do(ctx, call)
	if err != nil {
		return failedProbe(err, nil), 0, err
	}
	info, err := readProbe(ctx, sn, &x, a)
	cost := llm.NanoUSD(0)
	if u := info.Billed(req.Facts.EstInputTokens, err == nil); t.Price.Known && (err == nil || info.Usage != nil) {
		cost = t.Price.Cost(u)
	}
	if err != nil {
		return failedProbe(err, a), cost, redacted(sn, t, err)
	}
	return upstream.Outcome{Status: a.Status, Header: a.Header}, cost, nil
}

// readProbe reads the answer to its end.
func readProbe(ctx context.Context, sn *snapshot, x *llm.Exchange, a *llm.Answer) (info llm.ReplyInfo, err error) {
	events, err := sn.dialects.Read(ctx, x, a)
	if err != nil {
		return info, err
	}
	defer events.Close()
	for err == nil {
		_, err = events.Next()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return events.Info(), err
}

// redacted is an error without the secrets of the target's provider.
func redacted(sn *snapshot, t *llm.Target, err error) error {
	return errors.New(strings.TrimSuffix(sn.clients[t.Provider].Redact(llm.AsError(err)).Message, "."))
}

// failedProbe is the outcome of a probe that got an error.
func failedProbe(err error, a *llm.Answer) upstream.Outcome {
	e := llm.AsError(err)
	o := upstream.Outcome{Fault: e.Fault, Credential: e.Credential, RetryAfter: e.RetryAfter}
	if a != nil {
		o.Status, o.Header = a.Status, a.Header
	}
	return o
}
