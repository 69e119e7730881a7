package main

import (
	"math"
	"strings"
)

// maxP99 is the p99 in milliseconds up to which a rate counts, since nobody would run a
// gateway at a rate that makes callers wait longer.
const maxP99 = 10.0

// limit is the highest rate of a family of cases, which differ by their number of
// clients, at which p99 is still within maxP99.
type limit struct {
	title, target string
	clients       int
	rate          float64
}

// limits returns the best case of each family and target. A family without a case within
// the bound has the rate NaN.
func limits(rows []row) []limit {
	var all []limit
	at := map[[2]string]int{}
	for _, r := range rows {
		w := caseNamed(r.Case)
		if w.GatewayOnly || w.Upstream == plainHTTP || isPaced([]byte(w.Model)) {
			continue
		}
		family, _, _ := strings.Cut(w.Title, ", ")
		key := [2]string{family, r.Target}
		if _, known := at[key]; !known {
			at[key] = len(all)
			all = append(all, limit{family, r.Target, 0, math.NaN()})
		}
		l := &all[at[key]]
		if r.P99 <= maxP99 && !(r.Rate <= l.rate) { // true against NaN
			l.rate, l.clients = r.Rate, w.Clients
		}
	}
	return all
}

// limitTable returns a line for each limit, with its ratio to the floor's.
func (r *report) limitTable() table {
	t := table{left: 2, header: []string{"case", "target", "req/s at p99 ≤ 10 ms", "clients", "of floor"}}
	all := limits(r.rows)
	for _, l := range all {
		floors := math.NaN()
		for _, other := range all {
			if other.title == l.title && other.target == floor {
				floors = other.rate
			}
		}
		clients := "-"
		if l.clients > 0 {
			clients = number(float64(l.clients), 0)
		}
		t.rows = append(t.rows, []string{l.title, l.target, number(l.rate, 0), clients, number(l.rate/floors, 2)})
	}
	return t
}
