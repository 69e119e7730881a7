package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// rowsAsCSV turns {"rows": [{…}, …]} into a table. The columns are the members of
// all rows in the order of their first appearance.
func rowsAsCSV(report []byte) ([]byte, error) {
	var in struct {
		Rows []json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(report, &in); err != nil {
		return nil, err
	}
	var columns []string
	rows := make([]map[string]string, len(in.Rows))
	for i, raw := range in.Rows {
		names, cells, err := flatRow(raw)
		if err != nil {
			return nil, err
		}
		columns, rows[i] = join(columns, names), cells
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if len(columns) > 0 {
		names := make([]string, len(columns))
		for i, name := range columns {
			names[i] = Guarded(name)
		}
		_ = w.Write(names) // Error reports it below
	}
	for _, cells := range rows {
		line := make([]string, len(columns))
		for i, name := range columns {
			line[i] = cells[name] // flatRow has guarded it
		}
		_ = w.Write(line)
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// flatRow reads one object's members in order, as text.
func flatRow(raw []byte) (names []string, cells map[string]string, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("a row is not an object")
	}
	cells = make(map[string]string)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, err
		}
		names = append(names, fmt.Sprint(name))
		cells[fmt.Sprint(name)] = cell(value)
	}
	return names, cells, nil
}

// cell is a JSON value as a spreadsheet may safely show it: text that a spreadsheet
// would run as a formula gets an apostrophe in front.
func cell(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return Guarded(s)
}

// Guarded is a text cell as a spreadsheet may safely read it. It puts an apostrophe in
// front of text that begins as a formula may, also in
// full-width letters, and of text that begins with what spreadsheets drop before they
// look.
func Guarded(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size > 0 && (strings.ContainsRune("=+-@＝＋－＠", first) || unicode.IsSpace(first) || llm.Invisible(first)) {
		return "'" + s
	}
	return s
}

// join appends the names that columns lacks.
func join(columns, names []string) []string {
	for _, name := range names {
		known := false
		for _, c := range columns {
			known = known || c == name
		}
		if !known {
			columns = append(columns, name)
		}
	}
	return columns
}
