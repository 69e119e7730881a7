package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Input is the input of a decision. It is not changed or kept.
type Input struct {
	// Request is required.
	Request *llm.Request
	// Route is the name of the route that the model resolves to, Targets its candidates.
	Route   string
	Targets []*llm.Target
	// EstCost is an upper bound of what the request may cost; it counts only when
	// CostKnown.
	EstCost   llm.NanoUSD
	CostKnown bool
	// DataClasses are the classes of data found in the request, such as "personal".
	DataClasses []string
	// Now is the time of the decision; zero means the engine's clock.
	Now time.Time
	// Explained names the rules that the decision comes from, and keeps it out of the decision
	// log: it is for a dry run.
	Explained bool
}

// maxInput bounds the canonical form of one input, in bytes, so that one builtin on
// its longest string stays well within the time limit.
const maxInput = 64 << 10

// scratch is one decision's working memory.
type scratch struct {
	encoder
	principal encoder
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) release() {
	if cap(s.b) <= 16<<10 {
		scratches.Put(s)
	}
}

// write appends the parts of the input that are in the plan, except for usage and the end
// of the outermost object.
func (c *encoder) write(p *plan, in *Input) {
	c.mark(markObject)
	if p.has(leafVersion) {
		c.integer(nameV, 1)
	}
	if p.has(leavesOfTime) {
		c.time(p, in.Now)
	}
	c.key(p, &in.Request.Principal)
	c.request(p, in)
	c.route(p, in)
}

func (c *encoder) time(p *plan, now time.Time) {
	c.open(nameTime)
	if p.has(leafUnixMinute) {
		c.integer(nameUnixMinute, unixMinute(now))
	}
	if p.has(leafWeekday) {
		c.text(nameWeekday, now.Weekday().String())
	}
	if p.has(leafMinuteOfDay) {
		c.integer(nameMinuteOfDay, int64(now.Hour()*60+now.Minute()))
	}
	if p.has(leafDate) {
		c.text(nameDate, now.Format(time.DateOnly))
	}
	c.close()
}

func unixMinute(t time.Time) int64 {
	s := t.Unix()
	m := s / 60
	if s%60 < 0 {
		m--
	}
	return m
}

func (c *encoder) key(p *plan, who *llm.Principal) {
	c.open(nameKey)
	if p.has(leafKeyID) {
		c.optionalText(nameID, who.KeyID)
	}
	if p.has(leafKeyName) {
		c.optionalText(nameName, who.Name)
	}
	if p.has(leafKeyTeam) {
		c.optionalText(nameTeam, who.Team)
	}
	if p.has(leafKeyUser) {
		c.optionalText(nameUser, who.User)
	}
	if p.has(leafKeyRoles) {
		c.list(nameRoles, who.Roles)
	}
	if p.has(leafKeyTags) {
		c.table(nameTags, who.Tags, func(k string) bool { return p.hasMember(leafKeyTags, k) })
	}
	c.grants(p, who)
	c.close()
}

// grants appends what the key is allowed.
func (c *encoder) grants(p *plan, who *llm.Principal) {
	if p.has(leafKeyModels) {
		c.list(nameModels, who.Models)
	}
	if p.has(leafKeyBudget) && who.Budget.Max != 0 {
		c.open(nameBudget)
		c.digits(nameMax, who.Budget.Max.Decimal())
		c.text(nameWindow, who.Budget.Window)
		c.close()
	}
	if p.has(leafKeyExpires) && !who.Expires.IsZero() {
		c.integer(nameExpires, unixMinute(who.Expires))
	}
}

func (c *encoder) request(p *plan, in *Input) {
	r := in.Request
	c.open(nameRequest)
	if p.has(leafEndpoint) {
		c.text(nameEndpoint, string(r.Endpoint))
	}
	if p.has(leafDialect) {
		c.text(nameDialect, string(r.Dialect))
	}
	if p.has(leafModel) {
		c.text(nameModel, r.Facts.Model)
	}
	if p.has(leafStream) {
		c.boolean(nameStream, r.Facts.Stream)
	}
	c.sizes(p, in)
	if p.has(leafFeatures) {
		c.list(nameFeatures, r.Facts.Features.Names())
	}
	if p.has(leafTags) {
		c.table(nameTags, r.Tags, func(k string) bool { return p.hasMember(leafTags, k) })
	}
	if p.has(leafMetadata) {
		c.table(nameMetadata, r.Facts.Metadata, func(k string) bool { return p.hasMember(leafMetadata, k) })
	}
	if p.has(leafIP) {
		c.optionalText(nameIP, r.IP)
	}
	if p.has(leafSession) {
		c.optionalText(nameSession, sessionName(r.Session))
	}
	if p.has(leafDataClasses) {
		c.list(nameDataClasses, in.DataClasses)
	}
	c.close()
}

// maxSessionName bounds the name of a session, in bytes, so that it fits into a scope.
const maxSessionName = 128

// sessionName returns what a caller calls the session, or a hash of it where that could not be
// part of a scope.
func sessionName(s string) string {
	if len(s) <= maxSessionName && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + hex.EncodeToString(sum[:16])
}

func (c *encoder) sizes(p *plan, in *Input) {
	facts := &in.Request.Facts
	if p.has(leafMaxTokens) && facts.MaxTokens > 0 {
		c.integer(nameMaxTokens, facts.MaxTokens)
	}
	if p.has(leafEstInputTokens) {
		c.integer(nameEstInputTokens, facts.EstInputTokens)
	}
	if p.has(leafEstCost) && in.CostKnown {
		c.integer(nameEstCost, micro(in.EstCost))
	}
}

// micro returns an amount in millionths of a US dollar, rounded up.
func micro(n llm.NanoUSD) int64 {
	m := int64(n) / 1000
	if int64(n)%1000 > 0 {
		m++
	}
	return m
}

func (c *encoder) route(p *plan, in *Input) {
	c.open(nameRoute)
	if p.has(leafRoute) {
		c.optionalText(nameName, in.Route)
	}
	if p.has(leafTargets) {
		c.b = append(c.b, markName+nameTargets, markArray)
		for _, t := range in.Targets {
			c.target(t)
		}
		c.mark(markEnd)
	}
	c.close()
}

func (c *encoder) target(t *llm.Target) {
	c.mark(markObject)
	c.text(nameID, t.ID)
	c.text(nameProvider, t.Provider)
	c.optionalText(nameRegion, t.Region)
	if t.Price.Known {
		c.integer(namePriceIn, micro(t.Price.Input))
		c.integer(namePriceOut, micro(t.Price.Output))
	}
	if t.Context > 0 {
		c.integer(nameContext, t.Context)
	}
	c.close()
}
