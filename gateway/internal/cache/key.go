package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Key identifies requests with the same answer.
type Key [sha256.Size]byte

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k == Key{} }

// fingerprint is a hash of little text that need not withstand attacks (FNV-1a).
type fingerprint uint64

const noFingerprint fingerprint = 14695981039346656037

func (f *fingerprint) add(parts ...[]byte) {
	for _, part := range parts {
		for _, c := range part {
			*f = (*f ^ fingerprint(c)) * 1099511628211
		}
		*f = (*f ^ 0xff) * 1099511628211
	}
}

// reading is what one scan of a request says to the cache.
type reading struct {
	key Key
	// own says that the request's members may have no canonical form, so that it shares replies
	// with requests in its own wire format only.
	own bool
	// varied and stateful are those of canon.
	varied, stateful bool
	dropped          fingerprint
}

// read computes the key of a request in one scan and one hash. The key has everything in it
// that may change the answer: who may share it, the route with its targets, what the policy
// asks for, and the request itself.
func (c *Cache) read(req *llm.Request, route *llm.Route, d *llm.Decision) reading {
	w := c.scratch.Get().(*canon)
	w.out = w.out[:0]
	w.scope(req, route, d)
	form := formOf(req)
	if len(route.Transforms) > 0 {
		form = wholeForm
		w.transformInputs(req)
	}
	w.request(req.Body, form)
	r := reading{key: sha256.Sum256(w.out), own: w.own || form == wholeForm || form == otherForm, varied: w.varied, stateful: w.stateful, dropped: w.dropped}
	c.release(w)
	return r
}

// release keeps a scratch buffer for another request.
func (c *Cache) release(w *canon) {
	if w.Scanner = (jsontext.Scanner{}); cap(w.out) <= pooledBytes {
		c.scratch.Put(w)
	}
}

// shared returns the key that a request has in all wire formats: that of its canonical form.
// There is none if the request says more than that form can. Making the form may fail, and
// takes the time of a call into a module.
func (c *Cache) shared(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision, r reading) Key {
	switch {
	case r.own:
		return Key{}
	case req.Canonical == nil:
		return r.key
	}
	canonical, err := req.Canonical(ctx)
	if err != nil {
		return Key{}
	}
	return c.read(canonical, route, d).key
}

// part appends a part after its length, so that different lists of parts never give the same
// bytes.
func (c *canon) part(s string) {
	c.out = append(binary.LittleEndian.AppendUint64(c.out, uint64(len(s))), s...)
}

func (c *canon) number(n int64) { c.out = binary.LittleEndian.AppendUint64(c.out, uint64(n)) }

// scope appends what separates answers besides the request's body.
func (c *canon) scope(req *llm.Request, route *llm.Route, d *llm.Decision) {
	o := &d.Obligations
	kind, name := tenant(req, route, d)
	c.part(kind)
	c.part(name)
	c.part(req.Cache.Namespace)
	c.part(route.Name)
	c.part(route.Revision)
	targets := route.All()
	c.number(int64(len(targets)))
	for _, t := range targets {
		c.part(t.ID)
	}
	for _, list := range [...][]string{o.AllowTargets, o.DenyTargets, req.Demands.Classes, req.Demands.Regions, o.DataClasses, o.Regions} {
		c.list(list)
	}
	c.number(o.MaxOutputTokens)
	c.part(string(req.Endpoint))
	c.part(req.Facts.Model) // the body need not name it
	c.wireFormat(req, len(route.Transforms) > 0)
}

// wireFormat appends the format of the request's body, with what goes to providers of that
// format only. Where replies are not shared between formats and streams, it also appends
// what the reply is given in.
func (c *canon) wireFormat(req *llm.Request, apart bool) {
	form := formOf(req)
	if form == chatForm && !apart {
		return
	}
	c.part(string(req.Form))
	c.part(req.Query)
	c.headers(req)
	if apart || form == otherForm {
		c.part(string(req.Dialect))
		c.part(strconv.FormatBool(req.Facts.Stream))
		c.part(strconv.FormatBool(req.Facts.IncludeUsage))
	}
}

// headers appends the client's headers that a provider answers by, in the order of their
// names.
func (c *canon) headers(req *llm.Request) {
	var room [4]string
	names := room[:0]
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.part(name)
		c.list(req.Header[name])
	}
}

func (c *canon) list(all []string) {
	c.number(int64(len(all)))
	for _, s := range all {
		c.part(s)
	}
}

// transformInputs appends what a route's transforms read besides the body, so that the
// answer may depend on it: callers share a reply only if these are equal. The request's id
// is left out, since no two requests have the same.
func (c *canon) transformInputs(req *llm.Request) {
	who := &req.Principal
	c.part(who.KeyID)
	c.part(who.Team)
	c.part(who.User)
	names := make([]string, 0, len(req.Tags))
	for name := range req.Tags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.part(name)
		c.part(req.Tags[name])
	}
}

// tenant names who may share replies: by default a team, else the holder of a key, else
// all anonymous callers.
func tenant(req *llm.Request, route *llm.Route, d *llm.Decision) (kind, name string) {
	switch {
	case d.Obligations.Cache.Scope != "":
		return "policy", d.Obligations.Cache.Scope
	case route.CacheShared:
		return "shared", ""
	case req.Principal.Team != "":
		return "team", req.Principal.Team
	case req.Principal.KeyID != "":
		return "key", req.Principal.KeyID
	}
	return "anonymous", ""
}
