package server

import (
	"context"
	"errors"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/oidc"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

// openIssuers prepares the issuers of tokens, and takes over those that have not changed. The
// keys are fetched early, except in a dry server, which nobody sends tokens to.
func (sn *snapshot) openIssuers(s *Server) error {
	list, err := sn.config.OIDCIssuers()
	if err != nil {
		return err
	}
	var previous *oidc.Issuers
	if old := s.snapshot.Load(); old != nil {
		previous = old.issuers
	}
	var fault *oidc.Fault
	issuers, err := oidc.Open(list, previous, s.log, time.Now)
	if errors.As(err, &fault) {
		return config.Faults{sn.config.Fault(config.Path("identity.oidc", fault.Name), "", "%v", fault)}
	}
	if err != nil {
		return err
	}
	sn.issuers = issuers
	if s.ledger != nil {
		sn.issuers.Fetch()
	}
	return nil
}

// authenticate returns the holder of a credential: a virtual key, or where issuers are
// configured a token.
func (s *Server) authenticate(ctx context.Context, credential string) (llm.Principal, error) {
	sn := s.acquire()
	defer sn.release()
	if sn.issuers.Empty() || !oidc.IsToken(credential) {
		return s.keys.Authenticate(ctx, credential)
	}
	who, err := sn.issuers.Verify(ctx, credential)
	if err != nil {
		return who, err
	}
	return s.keys.Admit(ctx, who)
}

// recognizes reports whether a credential may be one that was accepted lately. It is asked
// about the credentials of addresses that send many wrong ones.
func (s *Server) recognizes(credential string) bool {
	sn := s.acquire()
	defer sn.release()
	if sn.issuers.Empty() || !oidc.IsToken(credential) {
		return s.keys.Recognizes(credential)
	}
	return sn.issuers.Recognizes(credential)
}

// holder returns the holder of a virtual key, or of a token, by its KeyID.
func (s *Server) holder(ctx context.Context, keyID string) (llm.Principal, error) {
	if !oidc.IsSubject(keyID) {
		return s.keys.Holder(ctx, keyID)
	}
	sn := s.acquire()
	defer sn.release()
	who, err := sn.issuers.Holder(keyID)
	if err != nil {
		return who, err
	}
	return s.keys.Admit(ctx, who)
}

// issuerState is the state of an issuer of tokens, as operators see it.
type issuerState struct {
	Keys    int        `json:"keys"`
	Fetched *time.Time `json:"fetched,omitempty"`
	Fault   string     `json:"fault,omitempty"`
}

// issuerStates returns the states of the issuers by name; nil when there are none.
func (sn *snapshot) issuerStates() map[string]issuerState {
	states := map[string]issuerState{}
	for _, st := range sn.issuers.Status() {
		if st.Name == "" {
			continue
		}
		state := issuerState{Keys: st.Keys}
		if !st.Fetched.IsZero() {
			state.Fetched = &st.Fetched
		}
		if st.Fault != nil {
			state.Fault = st.Fault.Error()
		}
		states[st.Name] = state
	}
	return states
}

// issuerMetrics returns the issuers' figures; none where there are no issuers.
func (s *Server) issuerMetrics() []telemetry.Issuer {
	sn := s.snapshot.Load()
	if sn == nil || sn.issuers.Empty() {
		return nil
	}
	var out []telemetry.Issuer
	for _, st := range sn.issuers.Status() {
		out = append(out, telemetry.Issuer{Name: st.Name, Tokens: st.Tokens, Refreshes: st.Refreshes, Failures: st.Failures})
	}
	return out
}
