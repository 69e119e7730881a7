package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/raises"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// Explain makes every decision about a request of any format as this server would, and sends
// nothing. A dry server takes virtual keys and spending from the ledger, whose gateway may be
// running.
func (s *Server) Explain(ctx context.Context, body []byte, as admin.Asker) (*llm.Record, error) {
	path := as.Path()
	if path == "" {
		var err error
		if path, err = wire.GuessPath(body); err != nil {
			return nil, err
		}
	}
	req, format, err := s.requestAt(ctx, path, body)
	if err != nil {
		return nil, err
	}
	defer format.Close()
	req.ID, req.Tags, req.Received = "dry-run", req.Facts.Metadata, time.Now()
	if err := s.assumeFromLedger(ctx, req, as); err != nil {
		return nil, err
	}
	return s.explain(ctx, req), nil
}

// assumeFromLedger is assume with the keys in the ledger, and restores the meters from it.
// Without a ledger there are no keys and nothing was spent.
func (s *Server) assumeFromLedger(ctx context.Context, req *llm.Request, as admin.Asker) error {
	sn := s.snapshot.Load()
	_, isSubject := sn.issuers.Subject(as.Key)
	if _, err := os.Stat(sn.config.Ledger.File()); err != nil && (as.Key == "" || isSubject) {
		return sn.assume(ctx, req, as, nil)
	}
	l, err := ledger.Attach(ctx, string(sn.config.Ledger.URL))
	if err != nil {
		return withLedgerHint(err)
	}
	defer l.Close()
	totals, err := l.Totals(ctx, time.Now())
	if err != nil {
		return err
	}
	s.meter.Restore(totals)
	if s.raises, err = raises.Open(ctx, l.DB(), time.Now); err != nil {
		return err
	}
	k, err := keys.Open(ctx, l.DB(), keys.Options{})
	if err != nil {
		return err
	}
	return sn.assume(ctx, req, as, k)
}

// explainAs explains a request of the given caller for the admin API.
func (s *Server) explainAs(ctx context.Context, req *llm.Request, as admin.Asker) (*llm.Record, error) {
	if err := s.snapshot.Load().assume(ctx, req, as, s.keys); err != nil {
		return nil, err
	}
	return s.explain(ctx, req), nil
}

// explain makes every decision about a request without sending it.
func (s *Server) explain(ctx context.Context, req *llm.Request) *llm.Record {
	sn := s.acquire()
	defer sn.release()
	req.Dry = true
	return sn.pipeline.Explain(ctx, req)
}

// keyring lists virtual keys, and says what their teams and users let them be.
type keyring interface {
	List(ctx context.Context) ([]keys.Key, error)
	Admit(ctx context.Context, p llm.Principal) (llm.Principal, error)
}

// assume gives a request the caller, the tags and the time that the asker names. Errors
// are for the asker.
func (sn *snapshot) assume(ctx context.Context, req *llm.Request, as admin.Asker, ring keyring) error {
	if subject, known := sn.issuers.Subject(as.Key); known {
		req.Principal = subject
	} else if as.Key != "" {
		found, err := findKey(ctx, ring, as.Key)
		if err != nil {
			return err
		}
		if req.Principal, err = ring.Admit(ctx, found.Principal()); err != nil {
			return err
		}
	}
	if as.Team != "" {
		req.Principal.Team = as.Team
	}
	if as.User != "" {
		req.Principal.User = as.User
	}
	req.Session = cmp.Or(as.Session, req.Session)
	var err error
	if req.Demands, err = tags.Demands(req.Tags, as.Tags, req.Principal.Tags); err != nil {
		return err
	}
	req.Tags = tagsOf(req, as.Tags)
	return assumeTime(req, as.At, sn.config.TimeZone.Location())
}

// tagsOf returns the request's tags with those that the caller would send. The tags of the
// key take precedence.
func tagsOf(req *llm.Request, sent map[string]string) map[string]string {
	tags := maps.Clone(req.Tags)
	if tags == nil {
		tags = make(map[string]string)
	}
	maps.Copy(tags, sent)
	maps.Copy(tags, req.Principal.Tags)
	return tags
}

// findKey returns the key with an id, or the only key with a name that is not revoked.
func findKey(ctx context.Context, ring keyring, name string) (*keys.Key, error) {
	list, err := ring.List(ctx)
	if err != nil {
		return nil, err
	}
	var named []*keys.Key
	for i := range list {
		k := &list[i]
		if k.ID == name {
			return usable(k)
		}
		if k.Name == name && k.State(time.Now()) != "revoked" {
			named = append(named, k)
		}
	}
	switch len(named) {
	case 0:
		return nil, invalidAsker("key", "there is no key with the id or name %q; penstock keys list shows them", name)
	case 1:
		return usable(named[0])
	}
	return nil, invalidAsker("key", "%d keys are named %q: give the id of one, such as %s", len(named), name, named[0].ID)
}

// usable returns an error for a key that callers cannot use.
func usable(k *keys.Key) (*keys.Key, error) {
	if state := k.State(time.Now()); state != "active" && state != "replaced" {
		return nil, invalidAsker("key", "key %s is %s: the gateway would answer 401 before it asks the policy", k.ID, state)
	}
	return k, nil
}

// assumeTime parses a time of today, or a time with its date.
func assumeTime(req *llm.Request, at string, zone *time.Location) error {
	if at == "" {
		return nil
	}
	now := time.Now().In(zone)
	if t, err := time.Parse("15:04", at); err == nil {
		req.At = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, zone)
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, at, zone); err == nil {
			req.At = t
			return nil
		}
	}
	return invalidAsker("at", "invalid time %q: write 23:30, \"2026-12-25 23:30\" or 2026-12-25T23:30:00Z; without a zone it is %s", at, zone)
}

func invalidAsker(param, format string, args ...any) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: param, Message: param + ": " + fmt.Sprintf(format, args...) + "."}
}
