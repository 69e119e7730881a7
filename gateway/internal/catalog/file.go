package catalog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// maxFile bounds a file of rows, in bytes: a hundred times the table.
	maxFile = 16 << 20
	// maxFaults bounds how many faults of a file are reported.
	maxFaults = 20
)

// Open returns the catalogue with the rows of a file over it; without any for an empty path. A
// row replaces that of the same model, and keeps its window, longest reply, quality and date where
// it has none. A fault in one row refuses the whole file: a price that is negative, or only half
// there, must not become 0.
func Open(path string) (*Catalog, error) {
	if path == "" {
		return Load()
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Over(string(text))
}

// Over returns the catalogue with further rows over it, as Open does.
func Over(rows string) (*Catalog, error) {
	if err := check(rows); err != nil {
		return nil, err
	}
	return index(table, rows)
}

// check reports the faults of a table's rows.
func check(rows string) error {
	if len(rows) > maxFile {
		return fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	var faults []error
	number, models := 0, 0
	seen := map[string]int{}
	for line := range strings.Lines(rows) {
		number++
		if line[0] == '#' {
			continue
		}
		models++
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		err := checkRow(f)
		if err == nil {
			name := f[0] + "/" + f[1]
			if first := seen[name]; first > 0 {
				err = fmt.Errorf("%s is on line %d, too", name, first)
			}
			seen[name] = number
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", number, err))
		}
		if len(faults) == maxFaults {
			break
		}
	}
	if models == 0 {
		return errors.New("there is no model in it")
	}
	return errors.Join(faults...)
}

// checkRow reports what is wrong with the fields of a line.
func checkRow(f []string) error {
	if len(f) != columns+2 {
		return fmt.Errorf("it has %d columns, not %d", len(f), columns+2)
	}
	if f[0] == "" || f[1] == "" || !utf8.ValidString(f[0]+f[1]) || strings.ContainsFunc(f[0]+f[1], func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
		return errors.New("invalid name of a provider or model")
	}
	name, c := f[0]+"/"+f[1], f[2:]
	err := checkPrices(c[colPrices:colAudioIn])
	for _, s := range c[colAudioIn:colLong] {
		err = errors.Join(err, checkNumber(s))
	}
	if above, rest, ok := strings.Cut(c[colLong], ":"); c[colLong] != "-" {
		if n := number(above); !ok || n <= 0 || c[colPrices] == "-" {
			err = errors.Join(err, fmt.Errorf("invalid step %q", c[colLong]))
		} else {
			err = errors.Join(err, checkPrices(strings.Split(rest, ":")))
		}
	}
	err = errors.Join(err, checkImages(c[colImages], c[colPrices]), checkTiers(c[colTiers], c[colPrices], c[colLong]))
	err = errors.Join(err, checkNumber(c[colContext]), checkNumber(c[colMaxOutput]))
	if c[colFeatures] != "-" && features(c[colFeatures]).String() != c[colFeatures] {
		err = errors.Join(err, fmt.Errorf("unknown capability in %q", c[colFeatures]))
	}
	if q := quality(c[colQuality]); c[colQuality] != "-" && !(0 <= q && q <= 1) {
		err = errors.Join(err, fmt.Errorf("invalid quality %q", c[colQuality]))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkImages checks the prices of pictures. input is that of text.
func checkImages(column, input string) error {
	if column == "-" {
		return nil
	}
	f := strings.Split(column, ":")
	if len(f) != 3 || input == "-" {
		return fmt.Errorf("invalid prices of pictures %.60q", column)
	}
	return errors.Join(checkNumber(f[0]), checkNumber(f[1]), checkNumber(f[2]))
}

// checkTiers checks the prices of service tiers. input is the standard price, long the standard
// prices of long prompts.
func checkTiers(column, input, long string) error {
	if column == "-" {
		return nil
	}
	var seen []llm.Tier
	for one := range strings.SplitSeq(column, ",") {
		f := strings.Split(one, ":")
		tier := llm.Tier(f[0])
		switch {
		case !slices.Contains(llm.PricedTiers(), tier) || slices.Contains(seen, tier) || input == "-" || len(f) != 1+prices && len(f) != 1+2*prices:
			return fmt.Errorf("invalid prices of a service tier %.120q", one)
		case len(f) > 1+prices && long == "-":
			return fmt.Errorf("the service tier %s has prices for long prompts, and the model none", tier)
		}
		seen = append(seen, tier)
		for at := 1; at < len(f); at += prices {
			if err := checkPrices(f[at : at+prices]); err != nil {
				return fmt.Errorf("service tier %s: %w", tier, err)
			}
			if f[at] == "-" {
				return fmt.Errorf("service tier %s: the price of input or output is missing", tier)
			}
		}
	}
	return nil
}

// checkPrices checks five columns of prices: input and output are both there or both unknown.
func checkPrices(f []string) error {
	if len(f) != prices {
		return fmt.Errorf("there are %d prices, not %d", len(f), prices)
	}
	for _, s := range f {
		if err := checkNumber(s); err != nil {
			return err
		}
	}
	if (f[0] == "-") != (f[1] == "-") {
		return errors.New("the price of input or output is missing")
	}
	return nil
}

// checkNumber checks a column that is "-" or a whole number, at most maxNumber.
func checkNumber(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if s != "-" && (err != nil || n < 0 || n > maxNumber) {
		return fmt.Errorf("invalid number %.40q", s)
	}
	return nil
}

// maxNumber bounds a column: a price of a dollar a token, in nano-USD per million tokens.
const maxNumber = 1e15
