// Package raises keeps operators' temporary raises of limits: an amount that is added to the
// maximum of every limit with the same scope, unit and window, until a time. It stores them in
// the caller's database.
//
// It counts nothing and decides nothing: policy names limits, and the meter counts.
package raises

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Raise is a temporary raise of limits.
type Raise struct {
	ID     string
	Scope  string
	Unit   llm.Unit
	Window string
	// By is what is added to the maximum: nano-USD for the unit usd, else a count.
	By int64
	// Until is when it ends.
	Created, Until time.Time
	// Reason may be empty. Operator is who made it.
	Reason, Operator string
}

// Bounds of raises.
const (
	// MaxRaises is how many may be in force at once.
	MaxRaises = 1000
	// maxLength is the longest that one may last.
	maxLength = 366 * 24 * time.Hour
	// maxUSD and maxCount bound the amount of one.
	maxUSD   = int64(1_000_000_000 * llm.USD)
	maxCount = 1_000_000_000_000_000
	// maxScope and maxReason bound texts, in bytes.
	maxScope  = 256
	maxReason = 500
)

// Raises are the raises in a database. It is safe for concurrent use. Other processes may
// change them; Refresh notices that.
type Raises struct {
	db  *sql.DB
	now func() time.Time
	// writing is held by a change, from its check of the bound to its end.
	writing sync.Mutex
	// known are those that have not ended when they were read, by meter.
	known atomic.Pointer[map[meter][]Raise]
}

// meter is what a raise and the limits that it raises have in common.
type meter struct {
	scope, window string
	unit          llm.Unit
}

func (r *Raise) meter() meter { return meter{r.Scope, r.Window, r.Unit} }

// Open reads the raises in a database, and makes their table when there is none.
func Open(ctx context.Context, db *sql.DB, now func() time.Time) (*Raises, error) {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open raises: %w", err)
	}
	rs := &Raises{db: db, now: now}
	return rs, rs.Refresh(ctx)
}

// Refresh reads the raises again. After an error those that were known stay in force.
func (rs *Raises) Refresh(ctx context.Context) error {
	list, err := selectAfter(ctx, rs.db, rs.now())
	if err != nil {
		return fmt.Errorf("read raises: %w", err)
	}
	known := make(map[meter][]Raise, len(list))
	for _, r := range list {
		known[r.meter()] = append(known[r.meter()], r)
	}
	rs.known.Store(&known)
	return nil
}

// Apply returns the limits with what raises add to them at that time; zero means now. It
// returns the same slice when they add nothing, and changes none. It may be called on nil,
// which has no raises.
func (rs *Raises) Apply(limits []llm.Limit, at time.Time) []llm.Limit {
	if rs == nil {
		return limits
	}
	known := *rs.known.Load()
	if len(known) == 0 {
		return limits
	}
	if at.IsZero() {
		at = rs.now()
	}
	raised := limits
	for i := range limits {
		l := &limits[i]
		by := sum(known[meter{l.Scope, l.Window, l.Unit}], at)
		if by == 0 {
			continue
		}
		if &raised[0] == &limits[0] {
			raised = slices.Clone(limits)
		}
		raised[i].Max, raised[i].Raised = llm.Add(l.Max, by), by
	}
	return raised
}

// By returns what raises add to the limits of a meter now. It may be called on nil.
func (rs *Raises) By(scope string, u llm.Unit, window string) int64 {
	if rs == nil {
		return 0
	}
	return sum((*rs.known.Load())[meter{scope, window, u}], rs.now())
}

func sum(raises []Raise, at time.Time) (by int64) {
	for i := range raises {
		if at.Before(raises[i].Until) {
			by = llm.Add(by, raises[i].By)
		}
	}
	return by
}

// List returns the raises in force, the first to end first. It may be called on nil.
func (rs *Raises) List() []Raise {
	list := []Raise{}
	if rs == nil {
		return list
	}
	now := rs.now()
	for _, raises := range *rs.known.Load() {
		for _, r := range raises {
			if now.Before(r.Until) {
				list = append(list, r)
			}
		}
	}
	slices.SortFunc(list, Raise.Compare)
	return list
}

// Compare orders raises by their ends. It is 0 for a raise and itself only.
func (r Raise) Compare(o Raise) int {
	return cmp.Or(r.Until.Compare(o.Until), cmp.Compare(r.ID, o.ID))
}

// Add checks and stores a raise, which is in force when Add returns. It sets ID and Created.
// The error is an *llm.Error when it is the asker's.
func (rs *Raises) Add(ctx context.Context, r Raise) (Raise, error) {
	now := rs.now()
	if err := r.check(now); err != nil {
		return r, err
	}
	rs.writing.Lock()
	defer rs.writing.Unlock()
	r.ID, r.Created = "raise_"+strings.ToLower(rand.Text()[:12]), now
	added, err := insert(ctx, rs.db, &r, now)
	switch {
	case err != nil:
		return r, fmt.Errorf("store a raise: %w", err)
	case !added:
		return r, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusConflict,
			Message: fmt.Sprintf("There are %d raises in force, which is the most: end one first, or raise the limit in the policy.", MaxRaises)}
	}
	return r, rs.Refresh(ctx)
}

// End ends a raise now and returns it. The error is an *llm.Error with status 404 when none in
// force has this ID.
func (rs *Raises) End(ctx context.Context, id string) (Raise, error) {
	rs.writing.Lock()
	defer rs.writing.Unlock()
	if err := rs.Refresh(ctx); err != nil {
		return Raise{}, err
	}
	list := rs.List()
	at := slices.IndexFunc(list, func(r Raise) bool { return r.ID == id })
	if at < 0 {
		return Raise{}, &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Param: "id",
			Message: fmt.Sprintf("No raise in force has the id %s; penstock budget raises lists them.", llm.Quote(id))}
	}
	if err := remove(ctx, rs.db, id); err != nil {
		return Raise{}, fmt.Errorf("end a raise: %w", err)
	}
	return list[at], rs.Refresh(ctx)
}

// check returns what is wrong with a raise.
func (r *Raise) check(now time.Time) error {
	printable := func(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }
	switch {
	case r.Scope == "" || len(r.Scope) > maxScope || !printable(r.Scope):
		return invalid("scope", "must be a limit's scope, such as team:search, of at most %d bytes", maxScope)
	case !r.Unit.Known():
		return invalid("unit", "must be usd, tokens, input_tokens, output_tokens, requests or concurrent")
	case r.By <= 0:
		return invalid("by", "must be above 0; to lower a limit, change the policy")
	case r.Unit == llm.UnitUSD && r.By > maxUSD:
		return invalid("by", "must be at most %s", llm.NanoUSD(maxUSD).Decimal())
	case r.Unit != llm.UnitUSD && r.By > maxCount:
		return invalid("by", "must be at most %d", int64(maxCount))
	case !r.Until.After(now):
		return invalid("until", "%s is not in the future", r.Until.UTC().Format(time.RFC3339))
	case r.Until.After(now.Add(maxLength)):
		return invalid("until", "must be within a year; a limit that is to stay higher belongs into the policy")
	case len(r.Reason) > maxReason || !printable(r.Reason):
		return invalid("reason", "must be one line of at most %d bytes", maxReason)
	}
	return r.checkWindow()
}

func (r *Raise) checkWindow() error {
	if r.Unit == llm.UnitConcurrent {
		if r.Window != "" {
			return invalid("window", "a limit on concurrent requests has none")
		}
		return nil
	}
	if _, err := llm.ParseWindow(r.Window); err != nil {
		return invalid("window", "%v", err)
	}
	return nil
}

func invalid(param, format string, args ...any) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: param, Message: param + ": " + fmt.Sprintf(format, args...) + "."}
}
