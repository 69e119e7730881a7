package oidc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Verify returns the principal of a token. A refusal is an *llm.Error with status 401 that says
// what is wrong with the token and never repeats it. When the issuer's keys can't be had, it is
// one with status 503. The principal's lists and maps are shared between calls and must not be
// changed.
//
// A token that was valid is remembered until it expires or the issuer's keys change. Otherwise
// Verify may wait for the issuer's keys, at most maxWait.
func (s *Issuers) Verify(ctx context.Context, text string) (llm.Principal, error) {
	now := s.now()
	if len(text) > maxToken { // before it is hashed
		s.strangers.count(Malformed)
		return llm.Principal{}, refuse(fmt.Errorf("has %d bytes; at most %d are allowed", len(text), maxToken))
	}
	hash := hashOf(text)
	if g := s.remembered(hash, now); g != nil {
		g.issuer.counts.count(Cached)
		return g.principal, nil
	}
	t, err := parseToken(text)
	if err != nil {
		s.strangers.count(Malformed)
		return llm.Principal{}, refuse(err)
	}
	is, err := s.issuerOf(t)
	if err != nil {
		s.strangers.count(UnknownIssuer)
		return llm.Principal{}, refuse(err)
	}
	g, outcome, err := is.verify(ctx, t, now)
	is.counts.count(outcome)
	switch {
	case outcome == Unavailable:
		return llm.Principal{}, is.unavailable(err)
	case err != nil:
		return llm.Principal{}, refuse(err)
	}
	s.verified.Put(hash, g)
	s.holders.Put(g.principal.KeyID, g)
	return g.principal, nil
}

// Recognizes reports, without verifying anything, whether Verify remembers a token.
func (s *Issuers) Recognizes(text string) bool {
	return len(text) <= maxToken && s.remembered(hashOf(text), s.now()) != nil
}

// hashOf hashes a token. A conversion of the text would allocate.
func hashOf(text string) [sha256.Size]byte {
	var buf [2048]byte
	if len(text) > len(buf) {
		return sha256.Sum256([]byte(text))
	}
	return sha256.Sum256(buf[:copy(buf[:], text)])
}

// remembered returns the grant of a token that was verified and would be again; nil if there is
// none.
func (s *Issuers) remembered(hash [sha256.Size]byte, now time.Time) *grant {
	if g, ok := s.verified.Get(hash); ok && s.holds(g, now) {
		return g
	}
	return nil
}

// holds reports whether a grant would be made again.
func (s *Issuers) holds(g *grant, now time.Time) bool {
	return now.Before(g.expires) && s.has(g.issuer) && g.issuer.ring.current(now) == g.keys
}

// IsSubject reports whether a KeyID is one of a caller with a token.
func IsSubject(keyID string) bool { return strings.HasPrefix(keyID, keyIDPrefix) }

// Holder returns the principal with a KeyID, as its last token had it. It is an error with status
// 401 when that token is no longer good, or was verified too long ago to be remembered.
func (s *Issuers) Holder(keyID string) (llm.Principal, error) {
	g, ok := s.holders.Get(keyID)
	if !ok || !s.holds(g, s.now()) {
		return llm.Principal{}, refuse(errors.New("is no longer good"))
	}
	return g.principal, nil
}

func (s *Issuers) issuerOf(t *token) (*issuer, error) {
	iss, _ := t.claims["iss"].(string)
	if iss == "" {
		return nil, errors.New("names no issuer (iss)")
	}
	audiences, err := t.claims.texts("aud")
	if err != nil {
		return nil, err
	}
	if is := s.find(iss, audiences); is != nil {
		return is, nil
	}
	return nil, fmt.Errorf("is of the issuer %s, which this gateway does not accept", quote(iss))
}

// verify checks a token: its signature first, so that nothing is said about forged ones.
func (is *issuer) verify(ctx context.Context, t *token, now time.Time) (*grant, Outcome, error) {
	if !slices.Contains(is.Algorithms, t.algorithm) {
		return nil, WrongAlgorithm, fmt.Errorf("is signed with the algorithm %s, which is not accepted", quote(t.algorithm))
	}
	keys, outcome, err := is.checkSignature(ctx, t, now)
	if err != nil {
		return nil, outcome, err
	}
	expires, outcome, err := is.checkTimes(t.claims, now)
	if err != nil {
		return nil, outcome, err
	}
	if err := is.checkAudience(t.claims); err != nil {
		return nil, WrongAudience, err
	}
	if err := is.checkRequired(t.claims); err != nil {
		return nil, WrongClaims, err
	}
	p, err := is.principal(t.claims, expires)
	if err != nil {
		return nil, WrongClaims, err
	}
	return &grant{issuer: is, keys: keys, expires: expires.Add(is.Leeway), principal: p}, Accepted, nil
}

// checkSignature returns the keys with one of which the token is signed. Where none of the known
// ones fits, they are fetched anew, as often as the keyring permits.
func (is *issuer) checkSignature(ctx context.Context, t *token, now time.Time) (*keySet, Outcome, error) {
	keys := is.ring.current(now)
	if keys == nil {
		if err := is.ring.refresh(ctx, now); err != nil {
			return nil, Unavailable, err
		}
		if keys = is.ring.current(now); keys == nil {
			return nil, Unavailable, errors.New("it has no keys")
		}
	}
	signed, fits := keys.verify(t)
	if signed {
		return keys, Accepted, nil
	}
	if fits && t.keyID != "" { // another key of the same id is not to be expected
		return nil, WrongSignature, errSignature
	}
	err := is.ring.refresh(ctx, now)
	if err == nil {
		if keys = is.ring.current(now); keys != nil {
			if signed, fits = keys.verify(t); signed {
				return keys, Accepted, nil
			}
		}
	}
	switch {
	case err != nil: // whether the issuer has the key is not known
		return nil, Unavailable, err
	case fits:
		return nil, WrongSignature, errSignature
	}
	return nil, UnknownKey, errors.New("is signed with a key that its issuer does not have")
}

var errSignature = errors.New("has a wrong signature")

// checkTimes returns when the token expires.
func (is *issuer) checkTimes(c claims, now time.Time) (expires time.Time, _ Outcome, _ error) {
	var at [3]time.Time
	for i, name := range []string{"exp", "nbf", "iat"} {
		var err error
		if at[i], err = c.time(name); err != nil {
			return expires, WrongClaims, err
		}
	}
	expires, begins, issued := at[0], at[1], at[2]
	from := issued
	if from.IsZero() {
		from = now
	}
	switch {
	case expires.IsZero():
		return expires, WrongClaims, errors.New("never expires (it has no exp)")
	case !now.Before(expires.Add(is.Leeway)):
		return expires, Expired, fmt.Errorf("expired at %s", expires.Format(time.RFC3339))
	case now.Add(is.Leeway).Before(begins):
		return expires, NotYetValid, fmt.Errorf("is not valid before %s", begins.Format(time.RFC3339))
	case now.Add(is.Leeway).Before(issued):
		return expires, NotYetValid, fmt.Errorf("was issued in the future, at %s", issued.Format(time.RFC3339))
	case expires.Sub(from) > is.MaxLifetime+is.Leeway:
		return expires, WrongClaims, fmt.Errorf("is valid for longer than %s, which is not accepted", is.MaxLifetime)
	}
	return expires, Accepted, nil
}

// checkAudience checks for whom the token was made, and for which client.
func (is *issuer) checkAudience(c claims) error {
	audiences, err := c.texts("aud")
	switch {
	case err != nil:
		return err
	case len(audiences) == 0:
		return errors.New("names no audience (aud)")
	case !is.accepts(audiences):
		return fmt.Errorf("is meant for another audience, %s", quote(audiences[0]))
	}
	if _, bound := c["cnf"]; bound {
		return errors.New("is bound to a key of its holder (cnf), which this gateway cannot check")
	}
	azp, given := c["azp"]
	party, isText := azp.(string)
	switch {
	case given && !isText:
		return errors.New("has an authorized party (azp) that is not text")
	case len(is.AuthorizedParties) > 0 && !slices.Contains(is.AuthorizedParties, party):
		return errors.New("was made for a client (azp) that is not accepted")
	case len(is.AuthorizedParties) == 0 && len(audiences) > 1 && !slices.Contains(is.Audiences, party):
		return errors.New("has several audiences, and was made for a client (azp) that is not accepted")
	}
	return nil
}

// checkRequired checks the claims that the configuration asks for.
func (is *issuer) checkRequired(c claims) error {
	for _, path := range slices.Sorted(maps.Keys(is.Require)) {
		patterns, values := is.Require[path], c.scalars(path)
		if !slices.ContainsFunc(values, func(value string) bool {
			return slices.ContainsFunc(patterns, func(pattern string) bool { return value != "" && llm.MatchName(pattern, value) })
		}) {
			return fmt.Errorf("does not have the value in the claim %s that this gateway asks for", path)
		}
	}
	return nil
}

// refuse returns the refusal of a token. The reason completes the sentence "The token …".
func refuse(reason error) *llm.Error {
	return &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized, Retried: true,
		Message: "The token " + reason.Error() + ". Get another one from its issuer, or use a key of this gateway."}
}

func (is *issuer) unavailable(err error) *llm.Error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: retryEvery,
		Message: "The gateway cannot get the keys of the token's issuer now; try again shortly.",
		Err:     fmt.Errorf("issuer %s: %w", is.Name, err)}
}

// maxQuoted bounds how much of a claim a message shows, in bytes.
const maxQuoted = 120

// quote quotes text from a token.
func quote(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted] + "…"
	}
	return llm.Quote(s)
}
