package classifier

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

// Row is one prompt with how well two models have answered it, 0 to 1. NaN stands for an outcome
// that is not known; at least one of them is.
type Row struct {
	Prompt       string
	Weak, Strong float64
	// Group names what the prompt belongs to, such as a subject; whole groups are held out
	// to see how the model does on something new. It is the file's name where a row has none.
	Group string
}

// gain is what the strong model adds; NaN unless both outcomes are known.
func (r *Row) gain() float64 { return r.Strong - r.Weak }

// both reports whether both outcomes are known.
func (r *Row) both() bool { return !math.IsNaN(r.gain()) }

// outcome is that of a head of the model; NaN when it is not known.
func (r *Row) outcome(head int) float64 {
	if head == classify.Strong {
		return r.Strong
	}
	return r.Weak
}

// Format is the form of a file of rows.
type Format string

// The formats.
const (
	// JSONL has an object on each line: {"prompt": "…", "weak": 0, "strong": 1, "group": "…"}.
	// One of weak and strong may be left out.
	JSONL Format = "jsonl"
	// RouteLLM has a line of names, then the prompt, whether the weak model was right and
	// whether the strong one was; further columns are ignored.
	RouteLLM Format = "routellm-csv"
)

// formatOf is the format that a file's name stands for.
func formatOf(path string) Format {
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return RouteLLM
	}
	return JSONL
}

// maxLine bounds a line of JSONL, in bytes.
const maxLine = 16 << 20

// ReadFiles reads the rows of files, without those whose prompt is in except. An empty format
// means that of each file's name. The error names the file and the line.
func ReadFiles(paths []string, format Format, except map[string]bool) ([]Row, error) {
	var rows []Row
	for _, path := range paths {
		more, err := readFile(path, format)
		if err != nil {
			return nil, err
		}
		for _, r := range more {
			if !except[r.Prompt] {
				rows = append(rows, r)
			}
		}
	}
	return rows, nil
}

func readFile(path string, format Format) ([]Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	read := readJSONL
	if format == RouteLLM || format == "" && formatOf(path) == RouteLLM {
		read = readRouteLLM
	}
	base := filepath.Base(path)
	rows, err := read(f, strings.TrimSuffix(base, filepath.Ext(base)))
	var at *lineError
	switch {
	case errors.As(err, &at):
		return nil, hint.Add(fmt.Errorf("%s:%d: %s", path, at.line, at.what), "%s", at.hint)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(rows) == 0:
		return nil, hint.Add(fmt.Errorf("%s has no rows", path), "%s", rowHint)
	}
	return rows, nil
}

// lineError is a fault of a file, at a line from 1.
type lineError struct {
	line       int
	what, hint string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

const (
	rowHint = `write rows as {"prompt": "…", "weak": 0, "strong": 1}: how well the weak and the strong model answered, 0 to 1; one of the two may be left out`
	csvHint = "the columns are the prompt, whether the weak model was right and whether the strong one was: True, False or a number from 0 to 1"
)

func readJSONL(r io.Reader, group string) (rows []Row, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	line := 0
	for s.Scan() {
		line++
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		row, err := parseRow(s.Bytes(), group)
		if err != nil {
			return nil, &lineError{line, err.Error(), rowHint}
		}
		rows = append(rows, row)
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, &lineError{line + 1, fmt.Sprintf("the line has more than %d bytes", maxLine), rowHint}
	}
	return rows, s.Err()
}

func parseRow(line []byte, group string) (Row, error) {
	in := struct {
		Prompt string   `json:"prompt"`
		Weak   *float64 `json:"weak"`
		Strong *float64 `json:"strong"`
		Group  string   `json:"group"`
	}{Group: group}
	if err := json.Unmarshal(line, &in); err != nil {
		return Row{}, fmt.Errorf("not a row: %s", jsontext.Explain(err))
	}
	row := Row{Prompt: in.Prompt, Group: in.Group}
	for _, score := range []struct{ from, to *float64 }{{in.Weak, &row.Weak}, {in.Strong, &row.Strong}} {
		*score.to = math.NaN()
		if score.from != nil {
			*score.to = *score.from
		}
	}
	return row, row.check()
}

func (r *Row) check() error {
	if strings.TrimSpace(r.Prompt) == "" {
		return errors.New("the prompt is missing or empty")
	}
	if math.IsNaN(r.Weak) && math.IsNaN(r.Strong) {
		return errors.New("weak and strong are missing; at least one of them is needed")
	}
	for _, score := range []struct {
		name string
		x    float64
	}{{"weak", r.Weak}, {"strong", r.Strong}} {
		if score.x < 0 || score.x > 1 {
			return fmt.Errorf("%s is %v; it must be a number between 0 and 1", score.name, score.x)
		}
	}
	return nil
}

func readRouteLLM(r io.Reader, group string) (rows []Row, err error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	for n := 0; ; n++ {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, &lineError{bad.Line, bad.Err.Error(), csvHint}
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue // the names of the columns
		}
		line, _ := c.FieldPos(0)
		row, err := parseRecord(record, group)
		if err != nil {
			return nil, &lineError{line, err.Error(), csvHint}
		}
		rows = append(rows, row)
	}
}

func parseRecord(record []string, group string) (Row, error) {
	if len(record) < 3 {
		return Row{}, fmt.Errorf("%d columns where there should be at least 3", len(record))
	}
	row := Row{Prompt: record[0], Group: group}
	for i, to := range []*float64{&row.Weak, &row.Strong} {
		x, err := parseScore(record[i+1])
		if err != nil {
			return row, fmt.Errorf("column %d: %w", i+2, err)
		}
		*to = x
	}
	return row, row.check()
}

func parseScore(s string) (float64, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(x) {
		return 0, fmt.Errorf("%q is neither True nor False nor a number", s)
	}
	return x, nil
}

// ReadPrompts reads the prompts of a file of JSON lines: the member eval_prompt, or else
// prompt.
func ReadPrompts(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found := map[string]bool{}
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	for line := 1; s.Scan(); line++ {
		var in struct {
			Eval   string `json:"eval_prompt"`
			Prompt string `json:"prompt"`
		}
		if err := json.Unmarshal(s.Bytes(), &in); err != nil {
			return nil, fmt.Errorf("%s:%d: %s", path, line, jsontext.Explain(err))
		}
		if in.Eval == "" {
			in.Eval = in.Prompt
		}
		if strings.TrimSpace(in.Eval) == "" {
			return nil, hint.Add(fmt.Errorf("%s:%d: the prompt is missing or empty", path, line), `write lines as {"prompt": "…"}`)
		}
		found[in.Eval] = true
	}
	return found, s.Err()
}
