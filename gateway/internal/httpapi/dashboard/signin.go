package dashboard

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxForm bounds the body of a form, in bytes, and maxUpload that of one with files.
const maxForm, maxUpload = 64 << 10, 4 << 20

// SignInPath returns a path that signs somebody in, once, within ten minutes. A principal
// without a key is an operator of the gateway's machine, who may do everything.
func (d *Dashboard) SignInPath(who llm.Principal) string {
	if who.KeyID == "" {
		who = llm.Principal{Name: "operator"}
	}
	return "/sign-in?link=" + d.sessions.newLink(who)
}

// sessionKey is the context's key of the session.
type sessionKey struct{}

// sessionOf returns the session of a request to a route that is not open.
func sessionOf(r *http.Request) *session {
	x, _ := r.Context().Value(sessionKey{}).(*session)
	return x
}

// signedIn serves those who are signed in. Others are sent to the sign-in page. A request
// that changes something needs the session's token, which only its own pages know.
func (d *Dashboard) signedIn(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x, ok := d.sessions.find(r)
		switch {
		case !ok && r.Method == http.MethodGet && !strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
			secure(w.Header())
			http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		case !ok:
			d.fail(w, r, &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized, Message: "The session has ended. Sign in again."})
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, x))
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := checkForm(w, r, x); err != nil {
				d.fail(w, r, err)
				return
			}
		}
		serve(w, r)
	}
}

// readable serves a page to those who may see it: what shows everybody's requests is for viewers
// and admins, what members own is on the pages for members.
func (d *Dashboard) readable(page Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case sessionOf(r).reads() || forMembers(page.Path):
			page.Serve(w, r)
		case page.Path == "/":
			secure(w.Header())
			http.Redirect(w, r, "/keys", http.StatusSeeOther)
		default:
			d.fail(w, r, &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "This page shows everybody's requests: it needs the role viewer or admin."})
		}
	}
}

// forMembers reports whether a path, or a section of the navigation, is for members, too: each
// shows them what they own only.
func forMembers(path string) bool {
	return path == "/requests/{id}" || path == "/sign-out" || path == "/docs" || strings.HasPrefix(path, "/keys") || strings.HasPrefix(path, "/playground")
}

// checkForm reads a form and compares its token, or the header in which scripts send it, with
// the session's.
func checkForm(w http.ResponseWriter, r *http.Request, x *session) error {
	token := r.Header.Get("X-Csrf-Token")
	if token == "" {
		if err := readForm(w, r); err != nil {
			return badForm(err)
		}
		token = r.PostForm.Get("csrf")
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(x.csrf)) != 1 {
		return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "This form is not from a page of this session. Load the page again and repeat what you did."}
	}
	return nil
}

// readForm reads a form, with files where it has any. What the page does next may take longer
// than a form may take to arrive.
func readForm(w http.ResponseWriter, r *http.Request) error {
	read := r.ParseForm
	most := int64(maxForm)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		most = maxUpload
		read = func() error { return r.ParseMultipartForm(maxUpload) }
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if err := read(); err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // tests have connections without
	return nil
}

func badForm(err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Err: err, Message: "The form could not be read: it is malformed, or larger than 64 KiB, or with files than 4 MiB."}
}

// signInView is what the sign-in page shows.
type signInView struct {
	// Link is the secret of a sign-in link, Next where to go then.
	Link, Next, Error string
}

// signInPage serves GET /sign-in. A link is not used up by opening the page: programs that
// look at links before people do would leave nothing for them.
func (d *Dashboard) signInPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d.render(w, r, http.StatusOK, "sign-in.html", "Sign in", signInView{Link: q.Get("link"), Next: localPath(q.Get("next"))})
}

// signIn serves POST /sign-in, with a link's secret or with a key.
func (d *Dashboard) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		d.fail(w, r, badForm(err))
		return
	}
	next := localPath(r.PostForm.Get("next"))
	who, err := d.identify(r, r.PostForm.Get("link"), strings.TrimSpace(r.PostForm.Get("key")))
	if err != nil {
		e := llm.AsError(err)
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64(e.RetryAfter.Round(time.Second)/time.Second), 10))
		}
		d.render(w, r, e.HTTPStatus(), "sign-in.html", "Sign in", signInView{Next: next, Error: e.Message})
		return
	}
	secret, x := d.sessions.begin(who)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: secret, Path: "/", Expires: x.ends, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	secure(w.Header())
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// identify returns who signs in.
func (d *Dashboard) identify(r *http.Request, link, key string) (llm.Principal, error) {
	if link != "" {
		if who, ok := d.sessions.useLink(link); ok {
			return who, nil
		}
		return llm.Principal{}, &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized,
			Message: "This link has been used already, or is older than ten minutes. `penstock dashboard` prints a new one."}
	}
	if key == "" {
		return llm.Principal{}, &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized, Message: "Enter a key."}
	}
	who, err := d.authenticate(r, key)
	if err != nil {
		return who, err
	}
	if who.KeyID == "" || !maySignIn(who) {
		return who, &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden,
			Message: "This key may not sign in: it has none of the roles viewer, member and admin. `penstock keys create --role viewer` makes one that may."}
	}
	return who, nil
}

// localPath returns a path of this dashboard to go to; "/" for anything else, so that a link
// cannot lead elsewhere.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(u.Path, "/sign-in") || u.Path == "/sign-out" {
		return "/"
	}
	return next
}

// signOut serves POST /sign-out.
func (d *Dashboard) signOut(w http.ResponseWriter, r *http.Request) {
	d.sessions.end(sessionOf(r))
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	secure(w.Header())
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
