package admin

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxRowDepth is how deep a row's values may nest.
const maxRowDepth = 64

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
		names, cells, err := parseRow(raw)
		if err != nil {
			return nil, err
		}
		columns, rows[i] = appendMissing(columns, names), cells
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if len(columns) > 0 {
		names := make([]string, len(columns))
		for i, name := range columns {
			names[i] = EscapeFormula(name)
		}
		_ = w.Write(names) // Error reports it below
	}
	for _, cells := range rows {
		line := make([]string, len(columns))
		for i, name := range columns {
			line[i] = cells[name]
		}
		_ = w.Write(line)
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// parseRow reads one object's members in order, as cells.
func parseRow(raw []byte) (names []string, cells map[string]string, err error) {
	row := jsontext.New(raw, maxRowDepth, jsontext.Grammar)
	cells = make(map[string]string)
	for member := range row.Members() {
		name := member.String()
		names = append(names, name)
		cells[name] = cell(row.Raw())
	}
	return names, cells, row.End()
}

// cell returns a JSON value as a cell's text: strings unquoted and escaped, nothing for
// null, other values as they are.
func cell(value []byte) string {
	text, quoted := jsontext.Unquote(value)
	switch {
	case quoted:
		return EscapeFormula(text)
	case string(value) == "null":
		return ""
	}
	return string(value)
}

// EscapeFormula puts an apostrophe in front of a cell's text that a spreadsheet could run
// as a formula: text that begins with a formula's sign, also a full-width one, or with a
// character that spreadsheets drop before they look for one.
func EscapeFormula(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size > 0 && (strings.ContainsRune("=+-@＝＋－＠", first) || unicode.IsSpace(first) || llm.Invisible(first)) {
		return "'" + s
	}
	return s
}

// appendMissing appends the names that columns lacks.
func appendMissing(columns, names []string) []string {
	for _, name := range names {
		if !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	return columns
}
