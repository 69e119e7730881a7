package ledger

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// span is a range of seq, both ends included; there is nothing in it when from is after to.
type span struct{ from, to int64 }

// search is what Reader.find looks for: the statement's rows in a span. Rows that have none of
// the values are not in its answer, so that they need not be read.
type search struct {
	statement statement
	values    map[string]string
	all       span
}

// find returns the records written last, at most so many and those written last first. A value that
// is rare is not searched for in all records: only in those of the hours in whose sums it is.
func (r *Reader) find(ctx context.Context, s search, most int) (list []*llm.Record, err error) {
	known := s.summed()
	if len(known) == 0 || s.all.from > s.all.to {
		return r.appendFound(ctx, nil, s, s.all, most)
	}
	d, err := r.delays(ctx)
	if err != nil {
		return nil, err
	}
	for batch := 24; s.all.from <= s.all.to; batch *= 4 {
		hours, err := r.hoursWith(ctx, known, s.all.from-d.longest, s.all.to-d.shortest, batch)
		if err != nil {
			return nil, err
		}
		for _, at := range d.spans(hours, s.all) {
			if list, err = r.appendFound(ctx, list, s, at, most); err != nil || len(list) == most {
				return list, err
			}
			s.all.to = at.from - 1
		}
		if len(hours) < batch {
			break
		}
		// Whatever arrived in these hours has been seen, and so has what else was written then.
		s.all.to = min(s.all.to, hours[len(hours)-1]*microsPerHour+d.shortest-1)
	}
	return list, nil
}

// summed returns the values whose sums of hours tell where they are. The sums of a tag have no
// requests without it.
func (s *search) summed() map[string]string {
	known, hours := map[string]string{}, hoursTable()
	for d, value := range s.values {
		if hours.dimensions[d] != "" || isTag(d) && value != "" {
			known[d] = value
		}
	}
	return known
}

// hoursWith returns the hours in which requests with all these values arrived, the latest first, at
// most so many. The bounds are in microseconds since the Unix epoch.
func (r *Reader) hoursWith(ctx context.Context, values map[string]string, from, to int64, most int) ([]int64, error) {
	b := statement{}
	b.bind("SELECT hour FROM hourly_by AS every WHERE dimension = '' AND hour >= ?", from/microsPerHour)
	b.bind(" AND hour <= ?", to/microsPerHour)
	for _, d := range slices.Sorted(maps.Keys(values)) {
		b.bind(" AND EXISTS (SELECT 1 FROM hourly_by WHERE dimension = ? AND hour = every.hour", d)
		b.bind(" AND value = ?)", values[d])
	}
	b.bind(" ORDER BY hour DESC LIMIT ?", most)
	rows, err := r.db.QueryContext(ctx, b.String(), b.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hours []int64
	for rows.Next() {
		var h int64
		if err := rows.Scan(&h); err != nil {
			return nil, err
		}
		hours = append(hours, h)
	}
	return hours, rows.Err()
}

// delays are the shortest and the longest time from the arrival of a request to its seq, in
// microseconds, of all records that there have been. The shortest is negative where a clock was set
// back.
type delays struct{ shortest, longest int64 }

func (d *delays) add(delay int64) {
	d.shortest, d.longest = min(d.shortest, delay), max(d.longest, delay)
}

func (r *Reader) delays(ctx context.Context) (d delays, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT shortest, longest FROM delays").Scan(&d.shortest, &d.longest)
	return d, err
}

// spans returns where the records of requests are that arrived in these hours, the latest first,
// within a span and without overlaps.
func (d delays) spans(hours []int64, within span) []span {
	var list []span
	for _, h := range hours {
		at := span{max(h*microsPerHour+d.shortest, within.from), min((h+1)*microsPerHour-1+d.longest, within.to)}
		switch last := len(list) - 1; {
		case at.from > at.to:
		case last >= 0 && at.to >= list[last].from-1:
			list[last].from = at.from
		default:
			list = append(list, at)
		}
	}
	return list
}

// appendFound appends the records of one span until list has so many.
func (r *Reader) appendFound(ctx context.Context, list []*llm.Record, s search, at span, most int) ([]*llm.Record, error) {
	text := s.statement.String() + " AND seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?"
	rows, err := r.db.QueryContext(ctx, text, append(slices.Clone(s.statement.args), at.from, at.to, most-len(list))...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var record sql.RawBytes
		if err := rows.Scan(&record); err != nil {
			return nil, err
		}
		found, err := decode(record)
		if err != nil {
			return nil, err
		}
		list = append(list, found)
	}
	return list, rows.Err()
}
