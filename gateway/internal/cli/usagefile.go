package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usageFigures are what a model has used on a day. A figure that the file does not have is
// negative.
type usageFigures struct {
	Input  float64 `json:"input_tokens"`
	Output float64 `json:"output_tokens"`
	Cost   float64 `json:"cost_usd"`
}

// usageKey is a day and a model.
type usageKey struct{ Day, Model string }

// columnNames are the names by which a column is found, without regard to case, spaces and
// punctuation.
func columnNames() map[string][]string {
	return map[string][]string{
		"day":    {"day", "date", "usagedate", "usagedateutc", "starttime", "starttimeiso", "usagestartdate", "timestamp"},
		"model":  {"model", "modelname", "modelid", "modelversion", "meter", "metername", "sku", "skudescription"},
		"input":  {"inputtokens", "input", "prompttokens", "contexttokens", "ncontexttokenstotal", "usageinputtokens"},
		"output": {"outputtokens", "output", "completiontokens", "generatedtokens", "ngeneratedtokenstotal", "usageoutputtokens"},
		"cost":   {"cost", "costusd", "amount", "amountvalue", "totalcost", "pretaxcost", "costinusd", "spend"},
	}
}

// plainName returns the letters and digits of a column's name.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// findColumns returns the place of each column in a header; -1 for one that is not there.
func findColumns(header []string, named map[string]string) (map[string]int, error) {
	at := map[string]int{}
	for column, names := range columnNames() {
		if name := named[column]; name != "" {
			names = []string{plainName(name)}
		}
		at[column] = slices.IndexFunc(header, func(h string) bool { return slices.Contains(names, plainName(h)) })
		if at[column] < 0 && named[column] != "" {
			return nil, fmt.Errorf("line 1: there is no column %q; the columns are %s", named[column], strings.Join(header, ", "))
		}
	}
	for name := range named {
		if _, ok := at[name]; !ok {
			return nil, &usageError{fmt.Errorf("--column: %q is none of day, model, input, output and cost", name)}
		}
	}
	if at["day"] < 0 || at["model"] < 0 || at["input"] < 0 && at["output"] < 0 && at["cost"] < 0 {
		return nil, fmt.Errorf("line 1: a day, a model, and tokens or a cost are needed; the columns are %s. Name them with --column, such as --column day=%q", strings.Join(header, ", "), header[0])
	}
	return at, nil
}

// maxUsageLines bounds a provider's file.
const maxUsageLines = 1_000_000

// readUsage reads a provider's file.
func readUsage(r io.Reader, named map[string]string) (map[usageKey]usageFigures, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.TrimLeadingSpace = -1, true
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	at, err := findColumns(header, named)
	if err != nil {
		return nil, err
	}
	all := map[usageKey]usageFigures{}
	for range maxUsageLines {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			if len(all) == 0 {
				return nil, errors.New("the file has a header and no lines")
			}
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		k, f, err := usageLine(line, at)
		if err != nil {
			n, _ := in.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all[k] = addUsage(all[k], f)
	}
	return nil, fmt.Errorf("the file has more than %d lines", maxUsageLines)
}

func addUsage(a, b usageFigures) usageFigures {
	return usageFigures{a.Input + b.Input, a.Output + b.Output, a.Cost + b.Cost}
}

// usageLine reads one line.
func usageLine(line []string, at map[string]int) (k usageKey, f usageFigures, err error) {
	field := func(column string) string {
		if i := at[column]; i >= 0 && i < len(line) {
			return strings.TrimSpace(line[i])
		}
		return ""
	}
	if k.Day, err = usageDay(field("day")); err != nil {
		return k, f, err
	}
	if k.Model = undated(field("model")); k.Model == "" {
		return k, f, errors.New("the model is missing")
	}
	for column, to := range map[string]*float64{"input": &f.Input, "output": &f.Output, "cost": &f.Cost} {
		switch text := strings.NewReplacer("$", "", ",", "").Replace(field(column)); {
		case at[column] < 0:
			*to = math.Inf(-1) // stays so when lines are added
		case text == "":
		default:
			if *to, err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(*to) || math.IsInf(*to, 0) {
				return k, f, fmt.Errorf("%s: %q is not a number", column, field(column))
			}
		}
	}
	return k, f, nil
}

// usageDay reads a day: a date, a time that begins with one, or seconds since the Unix epoch.
func usageDay(s string) (string, error) {
	if len(s) >= 10 {
		if t, err := time.Parse(time.DateOnly, s[:10]); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	if t, err := time.Parse("1/2/2006", s); err == nil {
		return t.Format(time.DateOnly), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 1e9 && n < 1e11 {
		return time.Unix(n, 0).UTC().Format(time.DateOnly), nil
	}
	return "", fmt.Errorf("%q is not a day; write 2026-11-30", s)
}

// dateSuffix is the date of a model's version, such as -2025-08-07 or -20250929.
var dateSuffix = regexp.MustCompile(`-(\d{4}-\d{2}-\d{2}|20\d{6})$`)

// undated returns a model's name without the date of its version.
func undated(model string) string {
	return dateSuffix.ReplaceAllString(strings.ToLower(strings.TrimSpace(model)), "")
}
