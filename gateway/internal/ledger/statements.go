package ledger

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
)

// statements are the prepared statements of one connection. They call the driver itself:
// database/sql would take and return the connection for every one.
type statements struct {
	stmts [kinds]driver.StmtExecContext
	// args are those of the next statement; reused.
	args []driver.NamedValue
}

// kind is one of the statements that the importer uses.
type kind int

const (
	insertRow kind = iota
	addCharge
	pruneCharges
	saveMark
	insertRoute
	insertFeedback
	addHour
	addHourBy
	widenDelays
	kinds
)

var columns = []string{"seq", "id", "arrived", "model", "route", "target", "provider", "key_id", "team", "user_name",
	"status", "code", "cache", "input_tokens", "output_tokens", "cost", "saved", "prompt_saved", "estimated", "session", "tags", "record"}

// texts is the SQL of each kind.
func texts() [kinds]string {
	return [kinds]string{
		insertRow: "INSERT INTO requests (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")",
		addCharge: `INSERT INTO charges (scope, unit, span, span_id, amount, expires) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET amount = CASE WHEN amount > 9223372036854775807 - excluded.amount THEN 9223372036854775807 ELSE amount + excluded.amount END, expires = max(expires, excluded.expires)`,
		addHour:      addHourText("hourly", hourKeyColumns, hourSumColumns),
		addHourBy:    addHourText("hourly_by", hourByKeyColumns, hourBySumColumns),
		pruneCharges: "DELETE FROM charges WHERE expires < ?",
		insertRoute:  "INSERT INTO routes (digest, seen, facts) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen = max(seen, excluded.seen)",
		insertFeedback: `INSERT INTO feedback (request_id, key_id, given, score, label, comment) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET given = excluded.given, score = excluded.score, label = excluded.label, comment = excluded.comment WHERE excluded.given >= given`,
		widenDelays: `INSERT INTO delays (only, shortest, longest) VALUES (1, ?, ?)
			ON CONFLICT DO UPDATE SET shortest = min(shortest, excluded.shortest), longest = max(longest, excluded.longest)`,
		saveMark: "INSERT OR REPLACE INTO imported (only, segment, place) VALUES (1, ?, ?)",
	}
}

// prepare prepares all statements on the driver's connection.
func prepare(conn any) (*statements, error) {
	p, ok := conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, fmt.Errorf("the driver's %T cannot prepare statements", conn)
	}
	s := new(statements)
	for k, q := range texts() {
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

func (s *statements) close() {
	for _, stmt := range s.stmts {
		if c, ok := stmt.(driver.Stmt); ok && c != nil {
			_ = c.Close() // the connection is closed next
		}
	}
}

// exec runs a statement. It takes no context: a transaction is always finished, and the
// driver bounds the wait for a lock.
func (s *statements) exec(k kind, args ...driver.Value) error {
	s.args = s.args[:0]
	for _, v := range args {
		s.bind(v)
	}
	return s.run(k)
}

// bind adds an argument for run.
func (s *statements) bind(v driver.Value) {
	s.args = append(s.args, driver.NamedValue{Ordinal: len(s.args) + 1, Value: v})
}

// run runs a statement with the arguments that have been bound.
func (s *statements) run(k kind) error {
	_, err := s.stmts[k].ExecContext(context.Background(), s.args)
	return err
}

// insert inserts a record, with its columns in the order of columns.
func (s *statements) insert(seq int64, r *row) error {
	s.args = s.args[:0]
	s.bind(seq)
	s.bind(r.id)
	s.bind(r.arrived)
	s.bindTexts(r.model, r.route, r.target, r.provider, r.key, r.team, r.user)
	s.bind(r.status)
	s.bindTexts(r.code, r.cache)
	s.bind(r.input)
	s.bind(r.output)
	if r.unpriced {
		s.bind(nil)
	} else {
		s.bind(r.cost)
	}
	s.bind(r.saved)
	s.bind(r.promptSaved)
	s.bind(r.estimated)
	s.bindTexts(r.session, r.tags, r.record)
	return s.run(insertRow)
}

// bindTexts binds columns of text. An empty text is NULL, which takes no space.
func (s *statements) bindTexts(texts ...string) {
	for _, t := range texts {
		if t == "" {
			s.bind(nil)
		} else {
			s.bind(t)
		}
	}
}
