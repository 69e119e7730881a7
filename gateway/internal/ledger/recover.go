package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// recovery reads the journal that earlier processes left, and imports what the database
// does not have yet.
type recovery struct {
	at      location
	session *session
	mark    position
	// open are the frames of the open leases, last is the newest segment.
	open map[string]string
	last int64
}

// recoverJournal imports what is left, and repairs the files: a write that was cut off at
// the end is removed, and what is damaged elsewhere is moved to a file of its own.
func recoverJournal(ctx context.Context, at location, s *session, log *slog.Logger) (*recovery, error) {
	r, list, err := beginRecovery(ctx, at, s)
	if err != nil {
		return nil, err
	}
	for i, n := range list {
		data, good, err := r.segment(n)
		if err == nil && good < len(data) {
			err = r.repair(n, data, good, i == len(list)-1, log)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// importJournal imports the journal of a server that has ended, and changes none of its
// files: the next server repairs them.
func importJournal(ctx context.Context, at location, s *session) error {
	r, list, err := beginRecovery(ctx, at, s)
	if err != nil {
		return err
	}
	for _, n := range list {
		if _, _, err := r.segment(n); err != nil {
			return err
		}
	}
	return nil
}

func beginRecovery(ctx context.Context, at location, s *session) (*recovery, []int64, error) {
	mark, err := readMark(ctx, s.conn)
	if err != nil {
		return nil, nil, err
	}
	list, err := at.segments()
	if err != nil {
		return nil, nil, err
	}
	r := &recovery{at: at, session: s, mark: mark, open: make(map[string]string)}
	if len(list) > 0 {
		r.last = list[len(list)-1]
	}
	return r, list, nil
}

// segment reads and imports a segment as far as it is valid.
func (r *recovery) segment(n int64) (data []byte, good int, err error) {
	if data, err = r.at.readSegment(n); err != nil {
		return nil, 0, err
	}
	good = validLen(data)
	frames := string(data[:good])
	if err := r.leases(n, frames); err != nil {
		return nil, 0, err
	}
	if c := (chunk{start: position{segment: n}, size: int64(good), frames: frames}); r.mark.before(c.end()) {
		err = r.session.apply([]chunk{c})
	}
	return data, good, err
}

// leases applies a segment's changes of leases.
func (r *recovery) leases(n int64, frames string) error {
	var e entry
	for rest := frames; rest != ""; {
		at := rest
		var payload string
		payload, rest = splitFrame(rest)
		if err := e.parse(payload); err != nil {
			return fmt.Errorf("%s at %d: %w", r.at.segment(n), len(frames)-len(at), err)
		}
		this := at[:len(at)-len(rest)]
		switch e.kind {
		case openEntry, draftEntry:
			r.open[e.lease] = this
		case extendEntry:
			extend(r.open, e.lease, this)
		case routeEntry, feedbackEntry:
		default:
			delete(r.open, e.lease)
			delete(r.open, e.row.id)
			delete(r.open, llm.BesideID(e.row.id))
		}
	}
	return nil
}

// repair removes a torn end, or moves what is damaged to a file of its own and logs it.
func (r *recovery) repair(n int64, data []byte, good int, last bool, log *slog.Logger) error {
	file, rest := r.at.segment(n), data[good:]
	if !last || !torn(rest) {
		aside := fmt.Sprintf("%s.damaged-%08d-%d", r.at.path, n, good)
		if err := os.WriteFile(aside, rest, 0o600); err != nil {
			return fmt.Errorf("save the damaged part of %s: %w", file, err)
		}
		log.Error("the ledger's journal is damaged; the records after the damage are not imported but saved in a file of their own",
			"file", file, "offset", good, "bytes", len(rest), "kept", aside)
	}
	return os.Truncate(file, int64(good))
}

// next returns the number for a new segment. The database's mark counts too: its segment
// may be deleted, and its number must not be reused.
func (r *recovery) next() int64 { return max(r.last, r.mark.segment) + 1 }

// orphans returns the open leases, sorted by their names.
func (r *recovery) orphans() []Lease {
	var list []Lease
	for _, id := range slices.Sorted(maps.Keys(r.open)) {
		if o, err := parseOrphan(id, r.open[id]); err == nil { // it was parsed before
			list = append(list, o)
		}
	}
	return list
}
