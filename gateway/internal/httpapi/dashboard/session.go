package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// cookieName is the session's cookie.
	cookieName = "penstock_session"
	// sessionTime is how long one lasts.
	sessionTime = 12 * time.Hour
	// recheckEvery is how often the key of a session is looked up again.
	recheckEvery = 15 * time.Second
	// linkTime is how long a sign-in link is valid.
	linkTime = 10 * time.Minute
	// maxSessions and maxLinks bound what is remembered; the oldest are dropped.
	maxSessions, maxLinks = 1000, 100
)

// The roles that may sign in.
const (
	roleAdmin  = "admin"
	roleMember = "member"
	roleViewer = "viewer"
)

// session is one browser that is signed in.
type session struct {
	hash [sha256.Size]byte
	who  llm.Principal
	// csrf is the token that forms send.
	csrf    string
	ends    time.Time
	checked time.Time
}

// sessions are those who are signed in, and the links with which one can. Secrets are kept as
// hashes. It is safe for concurrent use.
type sessions struct {
	now    func() time.Time
	holder func(context.Context, string) (llm.Principal, error)

	mu    sync.Mutex
	open  []*session
	links []link
}

// link is a sign-in link that has not been used.
type link struct {
	hash [sha256.Size]byte
	who  llm.Principal
	ends time.Time
}

func newSessions(now func() time.Time, holder func(context.Context, string) (llm.Principal, error)) *sessions {
	return &sessions{now: now, holder: holder}
}

// newSecret returns 32 random bytes as text, and their hash.
func newSecret() (text string, hash [sha256.Size]byte) {
	var b [32]byte
	rand.Read(b[:])
	text = base64.RawURLEncoding.EncodeToString(b[:])
	return text, sha256.Sum256([]byte(text))
}

// newLink returns the secret of a link that signs somebody in, once.
func (s *sessions) newLink(who llm.Principal) string {
	text, hash := newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = append(s.links, link{hash, who, s.now().Add(linkTime)})
	s.links = s.links[max(len(s.links)-maxLinks, 0):]
	return text
}

// useLink returns for whom a secret's link is, and whether it is valid, and makes it invalid.
func (s *sessions) useLink(text string) (llm.Principal, bool) {
	hash, now := sha256.Sum256([]byte(text)), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range s.links {
		if subtle.ConstantTimeCompare(l.hash[:], hash[:]) == 1 {
			s.links = slices.Delete(s.links, i, i+1)
			return l.who, now.Before(l.ends)
		}
	}
	return llm.Principal{}, false
}

// begin signs somebody in and returns the session's secret.
func (s *sessions) begin(who llm.Principal) (secret string, x *session) {
	secret, hash := newSecret()
	csrf, _ := newSecret()
	now := s.now()
	x = &session{hash: hash, who: who, csrf: csrf, ends: now.Add(sessionTime), checked: now}
	if !who.Expires.IsZero() && who.Expires.Before(x.ends) {
		x.ends = who.Expires
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *session) bool { return !now.Before(o.ends) })
	s.open = append(s.open, x)
	s.open = s.open[max(len(s.open)-maxSessions, 0):]
	return secret, x
}

// end ends a session, of which x may be a copy.
func (s *sessions) end(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *session) bool { return o.hash == x.hash })
}

// find returns a copy of the session of a request; false without one that is valid. A session
// whose key has been revoked or has lost its role ends.
func (s *sessions) find(r *http.Request) (*session, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, false
	}
	hash, now := sha256.Sum256([]byte(cookie.Value)), s.now()
	s.mu.Lock()
	i := slices.IndexFunc(s.open, func(o *session) bool { return subtle.ConstantTimeCompare(o.hash[:], hash[:]) == 1 })
	if i < 0 {
		s.mu.Unlock()
		return nil, false
	}
	found, copied := s.open[i], *s.open[i]
	s.mu.Unlock()
	if !now.Before(copied.ends) {
		s.end(found)
		return nil, false
	}
	if copied.who.KeyID == "" || now.Sub(copied.checked) < recheckEvery {
		return &copied, true
	}
	return s.recheck(r.Context(), found, copied, now)
}

// recheck looks up the key of a session again.
func (s *sessions) recheck(ctx context.Context, found *session, copied session, now time.Time) (*session, bool) {
	who, err := s.holder(ctx, copied.who.KeyID)
	switch {
	case err != nil && llm.AsError(err).HTTPStatus() >= 500: // whether the key is valid is not known
		return nil, false
	case err != nil || !maySignIn(who):
		s.end(found)
		return nil, false
	}
	s.mu.Lock()
	found.who, found.checked = who, now
	s.mu.Unlock()
	copied.who = who
	return &copied, true
}

// maySignIn reports whether a key's holder may see the dashboard.
func maySignIn(who llm.Principal) bool {
	return slices.Contains(who.Roles, roleAdmin) || slices.Contains(who.Roles, roleMember) || slices.Contains(who.Roles, roleViewer)
}

// reads reports whether the session may see what all requests did. A member sees what it owns.
func (x *session) reads() bool { return x.admin() || slices.Contains(x.who.Roles, roleViewer) }

// admin reports whether the session may change anything. One without a key was begun by a
// link, which only an operator of this machine gets.
func (x *session) admin() bool { return x.who.KeyID == "" || slices.Contains(x.who.Roles, roleAdmin) }
