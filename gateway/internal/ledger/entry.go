package ledger

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// The kinds of entry in the journal: a payload's first byte. Numbers are never reused.
const (
	oldRecordEntry = 1 // a record without what the provider's prompt cache has saved; older versions wrote it
	openEntry      = 2 // a lease begins, or is replaced; older versions wrote it
	closeEntry     = 3 // a lease ends without a record
	draftEntry     = 4 // a lease begins, or is replaced, with a draft of its record
	extendEntry    = 5 // the progress of a lease's request
	routeEntry     = 6 // the facts of a route
	feedbackEntry  = 7 // what a caller says of a reply
	record8Entry   = 8 // a record without its session, and without whether its usage is an estimate; older versions wrote it
	recordEntry    = 9 // a record, which ends its lease
)

// entry is a parsed entry of the journal. Its texts are parts of the payload.
type entry struct {
	kind byte
	// row is a record's.
	row row
	// lease is what begins, goes on or ends; output its reply's tokens so far.
	lease   string
	output  int64
	expires int64 // of an openEntry; not used
	charges []llm.Charge
	// route is a routeEntry's, feedback a feedbackEntry's.
	route    routeRow
	feedback llm.Feedback
}

// routeRow is a route's facts as columns.
type routeRow struct {
	digest, facts string
	seen          int64
}

// row is a record as columns. written is the time at which it was journalled, in
// microseconds since the Unix epoch.
type row struct {
	id, model, route, target, provider, key, team, user, code, cache, session, tags, record string

	written, arrived, status, input, output, cost, saved, promptSaved int64
	unpriced, estimated                                               bool
}

// appendRecordFrame appends a record's frame. The record itself is last, so that it needs
// no length before it.
func appendRecordFrame(b []byte, r *llm.Record, now time.Time) []byte {
	start := len(b)
	b = append(beginFrame(b), recordEntry)
	for _, s := range [...]string{r.ID, "", r.Model, r.Route, r.Target, r.Provider, r.KeyID, r.Team, r.User, string(r.Code), string(r.Cache)} {
		b = appendText(b, s)
	}
	for _, n := range [...]int64{now.UnixMicro(), r.Time.UnixMicro(), int64(r.Status), r.Usage.Input, r.Usage.Output, int64(r.Cost), int64(r.Saved), int64(r.PromptSaved)} {
		b = binary.AppendVarint(b, n)
	}
	b = appendBool(appendBool(b, unpriced(r)), r.Usage.Estimated)
	b = appendText(b, r.Session)
	b = appendTags(b, r.Tags)
	b = appendCharges(b, r.Charges)
	return endFrame(appendRecord(b, r), start)
}

// unpriced reports whether the request cost an unknown amount: a target without a
// known price did work for it.
func unpriced(r *llm.Record) bool {
	return r.Target != "" && !r.Price.Known && !r.Cache.Saves()
}

// appendTags appends the tags as a JSON object, nothing without tags.
func appendTags(b []byte, tags map[string]string) []byte {
	if len(tags) == 0 {
		return appendText(b, "")
	}
	var room [256]byte // enough for usual tags, without an allocation
	return appendText(b, jsontext.AppendMap(room[:0], tags))
}

// appendDraft appends the frame of a lease that begins.
func appendDraft(b []byte, draft *llm.Record) []byte {
	start := len(b)
	b = append(beginFrame(b), draftEntry)
	b = appendText(b, draft.ID)
	return endFrame(appendRecord(b, draft), start)
}

// appendProgress appends the frame of a lease that goes on.
func appendProgress(b []byte, p Progress) []byte {
	start := len(b)
	b = append(beginFrame(b), extendEntry)
	b = appendText(b, p.ID)
	return endFrame(binary.AppendVarint(b, p.Output), start)
}

// appendRoute appends the frame of a route's facts.
func appendRoute(b []byte, f *llm.RouteFacts, now time.Time) []byte {
	start := len(b)
	b = append(beginFrame(b), routeEntry)
	b = appendText(b, f.Digest)
	b = binary.AppendVarint(b, now.UnixMicro())
	return endFrame(append(b, f.Text...), start)
}

// appendFeedback appends the frame of feedback.
func appendFeedback(b []byte, f *llm.Feedback) []byte {
	start := len(b)
	b = append(beginFrame(b), feedbackEntry)
	b = appendText(appendText(b, f.RequestID), f.KeyID)
	b = binary.AppendVarint(b, f.Time.UnixMicro())
	b = binary.AppendUvarint(b, math.Float64bits(f.Score))
	return endFrame(appendText(appendText(b, f.Label), f.Comment), start)
}

// appendEnd appends the frame of a lease that ends without a record.
func appendEnd(b []byte, lease string, charges []llm.Charge) []byte {
	start := len(b)
	b = append(beginFrame(b), closeEntry)
	b = appendText(b, lease)
	return endFrame(appendCharges(b, charges), start)
}

func appendCharges(b []byte, charges []llm.Charge) []byte {
	b = binary.AppendUvarint(b, uint64(len(charges)))
	for _, c := range charges {
		for _, s := range [...]string{c.Scope, string(c.Unit), c.Window, c.WindowID} {
			b = appendText(b, s)
		}
		b = binary.AppendVarint(b, c.Amount)
	}
	return b
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

var errUnknownEntry = errors.New("the journal has an entry that this version does not know, so it was written by a newer penstock; upgrade, or restore an older copy")

// parse parses a payload. The charges reuse the entry's memory.
func (e *entry) parse(payload string) error {
	f := fields{rest: payload}
	*e = entry{kind: f.byte(), charges: e.charges[:0]}
	switch e.kind {
	case oldRecordEntry, record8Entry, recordEntry:
		e.parseRow(&f)
	case openEntry:
		e.lease, e.expires = f.text(), f.varint()
		e.parseCharges(&f)
	case draftEntry:
		e.lease = f.text()
		e.row.record, f.rest = f.rest, ""
	case extendEntry:
		e.lease, e.output = f.text(), f.varint()
	case closeEntry:
		e.lease = f.text()
		e.parseCharges(&f)
	case routeEntry:
		e.route.digest, e.route.seen = f.text(), f.varint()
		e.route.facts, f.rest = f.rest, ""
	case feedbackEntry:
		e.feedback = llm.Feedback{RequestID: f.text(), KeyID: f.text(), Time: time.UnixMicro(f.varint()).UTC(),
			Score: math.Float64frombits(f.uvarint()), Label: f.text(), Comment: f.text()}
	default:
		return errUnknownEntry
	}
	if f.bad || f.rest != "" {
		return errUnknownEntry
	}
	return nil
}

func (e *entry) parseRow(f *fields) {
	r := &e.row
	for _, s := range [...]*string{&r.id, &e.lease, &r.model, &r.route, &r.target, &r.provider, &r.key, &r.team, &r.user, &r.code, &r.cache} {
		*s = f.text()
	}
	for _, n := range [...]*int64{&r.written, &r.arrived, &r.status, &r.input, &r.output, &r.cost, &r.saved} {
		*n = f.varint()
	}
	if e.kind != oldRecordEntry {
		r.promptSaved = f.varint()
	}
	r.unpriced = f.byte() == 1
	if e.kind == recordEntry {
		r.estimated, r.session = f.byte() == 1, f.text()
	}
	r.tags = f.text()
	e.parseCharges(f)
	r.record, f.rest = f.rest, ""
}

func (e *entry) parseCharges(f *fields) {
	for n := f.uvarint(); n > 0 && !f.bad; n-- {
		e.charges = append(e.charges, llm.Charge{Scope: f.text(), Unit: llm.Unit(f.text()), Window: f.text(), WindowID: f.text(), Amount: f.varint()})
	}
}

// fields parses the fields of a payload in order. After a fault, bad is set and every field
// is zero.
type fields struct {
	rest string
	bad  bool
}

func (f *fields) fail() {
	f.rest, f.bad = "", true
}

func (f *fields) byte() byte {
	if f.rest == "" {
		f.fail()
		return 0
	}
	c := f.rest[0]
	f.rest = f.rest[1:]
	return c
}

// uvarint parses the encoding of binary.AppendUvarint.
func (f *fields) uvarint() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		c := f.byte()
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	f.fail()
	return 0
}

// varint parses the encoding of binary.AppendVarint.
func (f *fields) varint() int64 {
	n := f.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (f *fields) text() string {
	n := f.uvarint()
	if n > uint64(len(f.rest)) {
		f.fail()
		return ""
	}
	s := f.rest[:n]
	f.rest = f.rest[n:]
	return s
}
