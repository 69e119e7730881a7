package similar

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The bounds of what is read and reported.
const (
	// maxRow is the longest row of pairs, in bytes.
	maxRow = 1 << 20
	// maxShown is how many bad rows, wrong hits and missed pairs are listed.
	maxShown = 20
)

// Pair is two texts, and whether they ask for the same answer.
type Pair struct {
	A    string `json:"a"`
	B    string `json:"b"`
	Same bool   `json:"same"`
	// Kind groups pairs in the report, such as "negation"; may be empty.
	Kind string `json:"kind,omitempty"`
	// Line is the row's number in its file, from 1.
	Line int `json:"line"`
}

// ReadPairs reads a file with one JSON object in each line. The error names the lines of all
// bad rows, the first 20 with what is wrong.
func ReadPairs(r io.Reader) ([]Pair, error) {
	var pairs []Pair
	var faults []error
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxRow)
	line := 0
	for lines.Scan() {
		line++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		p, err := readPair(lines.Bytes())
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		p.Line = line
		pairs = append(pairs, p)
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, fmt.Errorf("line %d: %w", line+1, err))
	}
	if n := len(faults) - maxShown; n > 0 {
		faults = append(faults[:maxShown], fmt.Errorf("and %d more bad lines", n))
	}
	if len(faults) == 0 && len(pairs) == 0 {
		return nil, errors.New("the file has no pairs")
	}
	return pairs, errors.Join(faults...)
}

func readPair(row []byte) (Pair, error) {
	var in struct {
		A, B *string
		Same *bool
		Kind string
	}
	d := json.NewDecoder(bytes.NewReader(row))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return Pair{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return Pair{}, errors.New("there is something after the object")
	}
	if in.A == nil || in.B == nil || in.Same == nil {
		return Pair{}, errors.New(`a pair needs "a", "b" and "same"`)
	}
	if strings.TrimSpace(*in.A) == "" || strings.TrimSpace(*in.B) == "" {
		return Pair{}, errors.New(`"a" and "b" must not be empty`)
	}
	return Pair{A: *in.A, B: *in.B, Same: *in.Same, Kind: in.Kind}, nil
}

// Evaluation is what settings do with labeled pairs.
type Evaluation struct {
	Embedder  string  `json:"embedder"`
	Threshold float64 `json:"threshold"`
	Pairs     int     `json:"pairs"`
	// Precision is the share of the hits that are the same, Recall the share of the same that
	// hit, Traps the share of the others that hit.
	Precision Share  `json:"precision"`
	Recall    Share  `json:"recall"`
	Traps     Share  `json:"traps"`
	Kinds     []Kind `json:"kinds"`
	// WrongHits and Missed are the first of the pairs that were judged wrong.
	WrongHits []Judged `json:"wrong_hits"`
	Missed    []Judged `json:"missed"`
}

// Kind is the hits of the pairs of one kind and label.
type Kind struct {
	Kind string `json:"kind"`
	Same bool   `json:"same"`
	Hits Share  `json:"hits"`
}

// Judged is a pair with what became of it. Refused is empty for a hit, "threshold" for a
// pair below it, else the guard's name.
type Judged struct {
	Pair
	Similarity float64 `json:"similarity"`
	Refused    string  `json:"refused,omitempty"`
}

// belowThreshold is the reason of a pair that is not similar enough.
const belowThreshold = "threshold"

// DefaultThreshold is the least cosine of a hit by default.
const DefaultThreshold = 0.95

// Settings are those that pairs are judged with.
type Settings struct {
	// Embedder is the name in the report, Embed the embedder itself.
	Embedder string
	Embed    Embedder
	// Threshold is the least cosine of a hit.
	Threshold float64
	// MaxChars is the longest text that is looked up, in characters; zero means no limit.
	MaxChars int
}

// Evaluate judges pairs as lookups would.
func Evaluate(ctx context.Context, pairs []Pair, s Settings) (Evaluation, error) {
	judged := make([]Judged, len(pairs))
	for i, p := range pairs {
		var err error
		if judged[i], err = s.judge(ctx, p); err != nil {
			return Evaluation{}, fmt.Errorf("line %d: %w", p.Line, err)
		}
	}
	return report(judged, s), nil
}

func (s *Settings) judge(ctx context.Context, p Pair) (Judged, error) {
	a, err := s.query(ctx, p.A)
	if err != nil {
		return Judged{}, err
	}
	b, err := s.query(ctx, p.B)
	if err != nil {
		return Judged{}, err
	}
	if len(a.Vector) != len(b.Vector) {
		return Judged{}, fmt.Errorf("the embeddings have %d and %d dimensions", len(a.Vector), len(b.Vector))
	}
	j := Judged{Pair: p, Similarity: float64(min(dot(a.Vector, b.Vector), 1))}
	switch {
	case j.Similarity < s.Threshold-tolerance:
		j.Refused = belowThreshold
	case s.MaxChars > 0 && max(len([]rune(p.A)), len([]rune(p.B))) > s.MaxChars:
		j.Refused = TooLong
	default:
		j.Refused = a.Profile.Refuses(&b.Profile, a.SameWords)
	}
	return j, nil
}

func (s *Settings) query(ctx context.Context, text string) (*Query, error) {
	v, err := s.Embed(ctx, text)
	if err != nil {
		return nil, err
	}
	return NewQuery(Key{}, text, v, s.Embedder == Lexical)
}

// tally counts hits by label, and by kind and label.
type tally map[label]count

type label struct {
	kind string
	same bool
}

type count struct{ hits, of int }

func (t tally) add(g label, hit bool) {
	c := t[g]
	c.of++
	if hit {
		c.hits++
	}
	t[g] = c
}

func report(judged []Judged, s Settings) Evaluation {
	e := Evaluation{Embedder: s.Embedder, Threshold: s.Threshold, Pairs: len(judged), WrongHits: []Judged{}, Missed: []Judged{}}
	kinds, labels := tally{}, tally{}
	for _, j := range judged {
		hit := j.Refused == ""
		kinds.add(label{j.Kind, j.Same}, hit)
		labels.add(label{same: j.Same}, hit)
		switch {
		case hit && !j.Same && len(e.WrongHits) < maxShown:
			e.WrongHits = append(e.WrongHits, j)
		case !hit && j.Same && len(e.Missed) < maxShown:
			e.Missed = append(e.Missed, j)
		}
	}
	same, traps := labels[label{same: true}], labels[label{}]
	e.Precision, e.Recall, e.Traps = NewShare(same.hits, same.hits+traps.hits), NewShare(same.hits, same.of), NewShare(traps.hits, traps.of)
	for g, c := range kinds {
		e.Kinds = append(e.Kinds, Kind{Kind: g.kind, Same: g.same, Hits: NewShare(c.hits, c.of)})
	}
	slices.SortFunc(e.Kinds, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(rank(a.Same), rank(b.Same)), cmp.Compare(a.Kind, b.Kind))
	})
	return e
}

// rank puts pairs that are the same first.
func rank(same bool) int {
	if same {
		return 0
	}
	return 1
}
