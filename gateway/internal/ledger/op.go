package ledger

import (
	"sync"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// op is one thing for the writer to do, and the place where its caller waits. It
// holds copies: the caller's record is not looked at after book.
type op struct {
	// row is a record to insert; without an id there is none.
	row row
	// charges are added to the meters' totals.
	charges []llm.Charge
	// open is a lease to journal, with its expiry in Unix seconds and its charges as
	// JSON in text. close are leases to end, where this process has them open; orphan
	// is one of another process.
	open    string
	expires int64
	text    string
	close   [2]string
	orphan  string
	// prune drops totals whose windows are over by this Unix second.
	prune int64
	// catchUp has the rest of the log moved once the group is written.
	catchUp bool

	// done receives the outcome, once.
	done chan error
}

// row is a record as columns. The types are what the driver binds.
type row struct {
	id, model, route, target, provider, key, team, user, code, cache, tags, record string

	arrived, status, input, output, cost, saved int64
	unpriced                                    bool
}

var ops = sync.Pool{New: func() any { return &op{done: make(chan error, 1)} }}

func newOp() *op { return ops.Get().(*op) }

// recycle gives an op back whose outcome has been received.
func (o *op) recycle() {
	*o = op{done: o.done, charges: o.charges[:0]}
	ops.Put(o)
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxSpareBuffer bounds what a pooled buffer keeps, in bytes: one enormous record
// must not be paid for ever after.
const maxSpareBuffer = 64 << 10

// book makes the op the insertion of a record.
func (o *op) book(r *llm.Record) {
	buf := buffers.Get().(*[]byte)
	text := appendRecord((*buf)[:0], r)
	o.row = row{
		id: r.ID, model: r.Model, route: r.Route, target: r.Target, provider: r.Provider, key: r.KeyID,
		team: r.Team, user: r.User, code: string(r.Code), cache: r.Cache, tags: tagsOf(r), record: string(text),
		arrived: r.Time.UnixMicro(), status: int64(r.Status), input: r.Usage.Input, output: r.Usage.Output,
		cost: int64(r.Cost), saved: int64(r.Saved), unpriced: unpriced(r),
	}
	o.charges = append(o.charges, r.Charges...)
	o.close = [2]string{r.Lease, r.ID}
	if cap(text) <= maxSpareBuffer {
		*buf = text
		buffers.Put(buf)
	}
}

// unpriced reports whether the request cost an unknown amount: a target without a
// known price did work for it.
func unpriced(r *llm.Record) bool {
	return r.Target != "" && !r.Price.Known && r.Cache != "hit"
}

// tagsOf is the tags as a JSON object, empty without tags.
func tagsOf(r *llm.Record) string {
	if len(r.Tags) == 0 {
		return ""
	}
	return string(appendStrings(nil, r.Tags))
}
