// Package oidc verifies the tokens of OpenID Connect issuers (signed JWTs), which callers may
// send in place of a virtual key, and makes a principal from their claims. It fetches the
// issuers' public keys and keeps them up to date.
//
// It does not log anybody in, asks no issuer about a single token, and does not decide what a
// caller may do. It knows nothing of how a request carries its token.
package oidc

import (
	"crypto/sha256"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options describe an issuer. Name, Issuer, Audiences and Algorithms are required.
type Options struct {
	// Name is the operator's short name for the issuer. It is part of its callers' KeyID.
	Name string
	// Issuer is the URL that its tokens have as iss, compared byte by byte.
	Issuer string
	// Audiences are the values of which a token must have one as aud.
	Audiences []string
	// AuthorizedParties are the values that a token may have as azp; empty means any, but a
	// token with several audiences then needs one of Audiences as azp.
	AuthorizedParties []string
	// Algorithms are the algorithms that a token may be signed with, of Algorithms().
	Algorithms []string
	// JWKSURL is where the issuer's keys are; empty means that discovery says it.
	JWKSURL string
	// Keys are the issuer's keys as a JWK Set, or as public keys or certificates in PEM. If it is
	// not nil, nothing is fetched.
	Keys []byte
	// CA are certificates in PEM that the issuer's server is trusted by; nil means the system's.
	CA []byte
	// Claims say which claims hold what.
	Claims Claims
	// Teams maps values of the team's claim to teams. If it is nil, the value is the team.
	Teams map[string]string
	// Roles maps values of the roles' claim to roles. Other values give none.
	Roles map[string][]string
	// Defaults are given where the claims say nothing.
	Defaults Defaults
	// Require holds, by the path of a claim, the patterns of which it must match one.
	Require map[string][]string
	// Leeway is how far the issuer's clock may be off.
	Leeway time.Duration
	// MaxLifetime is the longest time from a token's iat, or from now if it has none, to its exp.
	MaxLifetime time.Duration
}

// Claims are the paths of claims, such as realm_access.roles. An empty one is not looked at.
type Claims struct {
	User, Team, Roles, Models string
	// Tags are paths by the name of the tag.
	Tags map[string]string
}

// Defaults are what callers of an issuer have where their claims say nothing.
type Defaults struct {
	Team   string
	Roles  []string
	Models []string
	Tags   map[string]string
}

// maxVerified bounds the tokens, and the callers, that are remembered.
const maxVerified = 16_384

// Issuers verifies the tokens of several issuers. It is safe for concurrent use. Close it.
type Issuers struct {
	all []*issuer
	now func() time.Time
	// verified holds the tokens that were valid, by their hash. It is shared with the Issuers
	// that this one replaces.
	verified *bounded.Map[[sha256.Size]byte, *grant]
	// holders has the grant that was last made for each KeyID. It is shared in the same way.
	holders *bounded.Map[string, *grant]
	// strangers counts the tokens that belong to no issuer.
	strangers *outcomes
}

// issuer is one issuer, shared by the Issuers that have it with equal Options.
type issuer struct {
	Options
	ring   *keyring
	counts outcomes

	mu    sync.Mutex
	users int
}

// Open prepares the issuers. Those that previous has with the same options are taken over,
// with their keys and counts; previous may be nil, and is closed by its owner as ever. Nothing is
// fetched yet. The error is a *Fault.
func Open(list []Options, previous *Issuers, log *slog.Logger, now func() time.Time) (*Issuers, error) {
	set := &Issuers{now: now, verified: &bounded.Map[[sha256.Size]byte, *grant]{Max: maxVerified}, holders: &bounded.Map[string, *grant]{Max: maxVerified}, strangers: new(outcomes)}
	if previous != nil {
		set.verified, set.holders, set.strangers = previous.verified, previous.holders, previous.strangers
	}
	for _, o := range list {
		is := previous.take(o)
		if is == nil {
			ring, err := newKeyring(o, log, now)
			if err != nil {
				set.Close()
				return nil, &Fault{o.Name, err}
			}
			is = &issuer{Options: o, ring: ring, users: 1}
		}
		set.all = append(set.all, is)
	}
	return set, nil
}

// Fault is an issuer that cannot be used as it is configured.
type Fault struct {
	// Name is the issuer's.
	Name string
	Err  error
}

// Error returns the cause, which completes a sentence about the issuer.
func (f *Fault) Error() string { return f.Err.Error() }

// take returns the issuer with the same options for one more user, nil if there is none.
func (s *Issuers) take(o Options) *issuer {
	if s == nil {
		return nil
	}
	for _, is := range s.all {
		if reflect.DeepEqual(is.Options, o) {
			is.mu.Lock()
			defer is.mu.Unlock()
			is.users++
			return is
		}
	}
	return nil
}

// Close ends the fetching of keys for issuers that no other Issuers has, and returns when it
// has ended.
func (s *Issuers) Close() {
	for _, is := range s.all {
		is.mu.Lock()
		is.users--
		last := is.users == 0
		is.mu.Unlock()
		if last {
			is.ring.close()
		}
	}
}

// Empty reports whether there are no issuers.
func (s *Issuers) Empty() bool { return len(s.all) == 0 }

// Fetch starts to fetch the keys of issuers that have none yet, so that the first request need
// not wait and faults are noticed early. It does not wait for them.
func (s *Issuers) Fetch() {
	for _, is := range s.all {
		is.ring.current(s.now())
	}
}

// IsToken reports whether a credential has the form of a token: parts with dots between them.
func IsToken(credential string) bool { return strings.Count(credential, ".") >= 2 }

// has reports whether an issuer is one of these.
func (s *Issuers) has(is *issuer) bool { return slices.Contains(s.all, is) }

// find returns the issuer that a token names: of several with the same URL the first whose
// audience the token has. Nil means there is none.
func (s *Issuers) find(iss string, audiences []string) *issuer {
	var first *issuer
	for _, is := range s.all {
		if is.Issuer != iss {
			continue
		}
		if is.accepts(audiences) {
			return is
		}
		if first == nil {
			first = is
		}
	}
	return first
}

func (is *issuer) accepts(audiences []string) bool {
	return slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(is.Audiences, a) })
}

// grant is a token that was valid.
type grant struct {
	issuer *issuer
	// keys is the set of keys with which it was verified. It is void once the issuer has another.
	keys      *keySet
	expires   time.Time
	principal llm.Principal
}
