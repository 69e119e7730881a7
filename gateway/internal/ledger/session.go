package ledger

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// session is the writer's connection with its prepared statements. It talks to the
// driver itself: database/sql would take and give back the connection for every
// statement. One goroutine uses it.
type session struct {
	stmts [kinds]driver.StmtExecContext
	// args are bound to the statement at hand; reused.
	args []driver.NamedValue

	run string
	now func() time.Time
	// seq is the last row's, opened the leases of this run that are in the journal.
	seq    int64
	opened map[string]bool
	totals tally
}

// kind is one of the statements that the writer uses.
type kind int

const (
	begin kind = iota
	commit
	rollback
	insertRow
	addCharge
	openLease
	closeLease
	pruneCharges
	checkpointLog
	kinds
)

var columns = []string{"seq", "id", "arrived", "model", "route", "target", "provider", "key_id", "team", "user_name",
	"status", "code", "cache", "input_tokens", "output_tokens", "cost", "saved", "tags", "record"}

// statements is the SQL of each kind. IMMEDIATE takes the write lock at once: a
// transaction that began as a reader could not wait for another writer.
func statements() [kinds]string {
	return [kinds]string{
		begin:     "BEGIN IMMEDIATE",
		commit:    "COMMIT",
		rollback:  "ROLLBACK",
		insertRow: "INSERT INTO requests (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")",
		addCharge: `INSERT INTO charges (scope, unit, span, span_id, amount, expires) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, expires = max(expires, excluded.expires)`,
		openLease:     "INSERT OR REPLACE INTO leases (id, run, expires, charges) VALUES (?, ?, ?, ?)",
		closeLease:    "DELETE FROM leases WHERE id = ?",
		pruneCharges:  "DELETE FROM charges WHERE expires < ?",
		checkpointLog: checkpoint,
	}
}

func newSession(conn any, run string, lastSeq int64, now func() time.Time) (*session, error) {
	p, ok := conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, fmt.Errorf("the driver's %T cannot prepare statements", conn)
	}
	s := &session{run: run, now: now, seq: lastSeq, opened: make(map[string]bool), totals: make(tally)}
	for k, q := range statements() {
		stmt, err := p.PrepareContext(context.Background(), q)
		if err != nil {
			s.close()
			return nil, err
		}
		if s.stmts[k], ok = stmt.(driver.StmtExecContext); !ok {
			return nil, fmt.Errorf("the driver's %T cannot run statements", stmt)
		}
	}
	return s, nil
}

func (s *session) close() {
	for _, stmt := range s.stmts {
		if c, ok := stmt.(driver.Stmt); ok && c != nil {
			_ = c.Close() // the connection goes with it
		}
	}
}

// exec runs a statement. It takes no context: what has been begun is finished, and
// the driver bounds the wait for a lock.
func (s *session) exec(k kind, args ...driver.Value) error {
	s.args = s.args[:0]
	for i, v := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	_, err := s.stmts[k].ExecContext(context.Background(), s.args)
	return err
}

// apply does all of a group or nothing of it.
func (s *session) apply(group []*op) error {
	if err := s.exec(begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	seq := s.seq
	err := s.write(group)
	if err == nil {
		err = s.exec(commit)
	}
	if err != nil {
		s.seq = seq
		_ = s.exec(rollback) // fails when SQLite has rolled back by itself
		return err
	}
	s.remember(group)
	return nil
}

func (s *session) write(group []*op) error {
	clear(s.totals)
	for _, o := range group {
		if err := s.writeOne(o); err != nil {
			return err
		}
		s.totals.add(o.charges)
	}
	now := s.now()
	for a, amount := range s.totals {
		expires := now.Add(lasting(a.span)).Unix()
		if err := s.exec(addCharge, a.scope, a.unit, a.span, a.spanID, amount, expires); err != nil {
			return fmt.Errorf("add charge: %w", err)
		}
	}
	return nil
}

func (s *session) writeOne(o *op) error {
	if o.row.id != "" {
		if err := s.insert(&o.row); err != nil {
			return fmt.Errorf("insert record: %w", err)
		}
	}
	if o.open != "" {
		if err := s.exec(openLease, o.open, s.run, o.expires, o.text); err != nil {
			return fmt.Errorf("open lease: %w", err)
		}
	}
	if o.prune != 0 {
		if err := s.exec(pruneCharges, o.prune); err != nil {
			return fmt.Errorf("prune charges: %w", err)
		}
	}
	return s.closeLeases(o)
}

// closeLeases deletes what is known to be in the journal: most requests have no
// lease there, and asking the table would cost them a search.
func (s *session) closeLeases(o *op) error {
	for _, id := range [...]string{o.close[0], o.close[1], o.orphan} {
		if id == "" || !s.opened[id] && id != o.orphan {
			continue
		}
		if err := s.exec(closeLease, id); err != nil {
			return fmt.Errorf("close lease: %w", err)
		}
	}
	return nil
}

// remember takes note of the leases that a committed group opened and closed.
func (s *session) remember(group []*op) {
	for _, o := range group {
		if o.open != "" {
			s.opened[o.open] = true
		}
		for _, id := range o.close {
			delete(s.opened, id)
		}
	}
}

// insert binds a record's columns in the order of columns.
func (s *session) insert(r *row) error {
	s.seq = max(s.seq+1, s.now().UnixMicro())
	cost := driver.Value(r.cost)
	if r.unpriced {
		cost = nil
	}
	return s.exec(insertRow, s.seq, r.id, r.arrived, text(r.model), text(r.route), text(r.target), text(r.provider),
		text(r.key), text(r.team), text(r.user), r.status, text(r.code), text(r.cache), r.input, r.output,
		cost, r.saved, text(r.tags), r.record)
}

// text is a string as a column: NULL takes no room and no time.
func text(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}
