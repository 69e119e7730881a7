package dashboard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

//go:embed templates
var templates embed.FS

// pages are the parsed templates by their file's name. They are parsed once, when the first
// page is rendered; a test parses them all.
var pages = sync.OnceValue(func() map[string]*template.Template {
	all := map[string]*template.Template{}
	entries, _ := fs.ReadDir(templates, "templates") // it is embedded
	for _, e := range entries {
		if e.Name() == layout || e.Name() == parts {
			continue
		}
		all[e.Name()] = template.Must(template.New(layout).Funcs(functions()).ParseFS(templates, "templates/"+layout, "templates/"+parts, "templates/"+e.Name()))
	}
	return all
})

// layout is the frame of every page, parts the pieces that several pages have.
const layout, parts = "layout.html", "parts.html"

// staticTags are the ETags of the static files.
var staticTags = sync.OnceValue(func() map[string]string {
	tags := map[string]string{}
	entries, _ := fs.ReadDir(static, "static")
	for _, e := range entries {
		b, _ := fs.ReadFile(static, "static/"+e.Name())
		sum := sha256.Sum256(b)
		tags[e.Name()] = `"` + hex.EncodeToString(sum[:8]) + `"`
	}
	return tags
})

// page is what the layout shows, with the view of one page.
type page struct {
	Title, Path, Version string
	// Who is the name of who is signed in; empty for nobody.
	Who  string
	CSRF string
	// Admin says that the user may change something.
	Admin bool
	// Reads says that the user may see what all requests did.
	Reads bool
	Zone  *time.Location
	Now   time.Time
	View  any
}

// render writes a page.
func (d *Dashboard) render(w http.ResponseWriter, r *http.Request, status int, name, title string, view any) {
	p := page{Title: title, Path: r.URL.Path, Version: d.gateway.Version(), Zone: d.zone(r), Now: d.now(), View: view}
	if x := sessionOf(r); x != nil {
		p.Who, p.CSRF, p.Admin, p.Reads = x.who.Name, x.csrf, x.admin(), x.reads()
	}
	var b bytes.Buffer
	if err := pages()[name].ExecuteTemplate(&b, layout, p); err != nil {
		d.log.Error("render a page of the dashboard", "page", name, "err", err)
		http.Error(w, "This page could not be rendered; the gateway's log has the cause.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // an error means that the browser is gone
}

// fail shows an error: as a page to browsers that load one, otherwise as text.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := llm.AsError(err)
	if e.Err != nil || e.Code == llm.CodeInternal {
		d.log.Error("serve a page of the dashboard", "path", r.URL.Path, "err", err)
	}
	if WantsPage(r) {
		d.render(w, r, e.HTTPStatus(), "error.html", "Error", e.Message)
		return
	}
	secure(w.Header())
	http.Error(w, e.Message, e.HTTPStatus())
}

// ServeError shows why a browser that loads a page gets none, such as that there is no such page.
func (d *Dashboard) ServeError(w http.ResponseWriter, r *http.Request, err error) {
	if x, ok := d.sessions.find(r); ok {
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, x))
	}
	d.fail(w, r, err)
}

// WantsPage reports whether a request is that of a browser that loads a page.
func WantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// secure sets the headers that keep a page from doing anything but what it is for: no script
// and no style but the dashboard's own files, and no frames.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data: blob:")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with none, browsers send forms without their origin
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}

// zone returns the time zone of a page: that of the reader's browser, which the page's script
// puts into a cookie, else the configuration's.
func (d *Dashboard) zone(r *http.Request) *time.Location {
	if c, err := r.Cookie("penstock_zone"); err == nil && len(c.Value) < 64 {
		if zone, err := time.LoadLocation(strings.ReplaceAll(c.Value, "%2F", "/")); err == nil && c.Value != "" && c.Value != "Local" {
			return zone
		}
	}
	return d.gateway.Zone()
}
