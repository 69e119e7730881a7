package similar

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

// ownPairs are the labeled pairs in testdata.
func ownPairs(t testing.TB) []Pair {
	t.Helper()
	f, err := os.Open("testdata/pairs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pairs, err := ReadPairs(f)
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

// everything is an embedder for which all texts are the same, so that only guards refuse.
func everything(context.Context, string) ([]float32, error) { return []float32{1}, nil }

// TestOwnPairs checks the figures that the README gives for the pairs in testdata: with the
// built-in embedder no trap hits, and the guards alone leave few.
func TestOwnPairs(t *testing.T) {
	pairs := ownPairs(t)
	same := 0
	for _, p := range pairs {
		if p.Same {
			same++
		}
	}
	if same < 300 || len(pairs)-same < 300 {
		t.Errorf("%d pairs are the same and %d are traps, want 300 of each", same, len(pairs)-same)
	}
	e, err := Evaluate(t.Context(), pairs, Settings{Embedder: Lexical, Embed: EmbedLexical, Threshold: 0.95})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.WrongHits) > 0 || e.Precision.Low < 0.97 || e.Recall.Value < 0.66 {
		t.Errorf("lexical: %v precision, %v recall, wrong hits %v", e.Precision, e.Recall, e.WrongHits)
	}
	e, err = Evaluate(t.Context(), pairs, Settings{Embedder: "everything", Embed: everything, Threshold: 0.95})
	if err != nil {
		t.Fatal(err)
	}
	if e.Traps.Value > 0.02 || e.Recall.Value < 0.68 {
		t.Errorf("guards alone: %v of the traps, %v recall, wrong hits %v", e.Traps, e.Recall, e.WrongHits)
	}
}

func TestEvaluate(t *testing.T) {
	pairs := []Pair{
		{A: "Explain gravity", B: "Please explain gravity", Same: true, Kind: "polite", Line: 1},
		{A: "Explain gravity", B: "What makes apples fall?", Same: true, Kind: "other words", Line: 2},
		{A: "Add 5 g", B: "Add 6 g", Line: 3},
		{A: "Explain gravity", B: "explain Gravity", Line: 4}, // labeled wrongly on purpose
		{A: "Explain " + strings.Repeat("very ", 20), B: "Explain " + strings.Repeat("very ", 20) + "please", Same: true, Line: 5},
	}
	e, err := Evaluate(t.Context(), pairs, Settings{Embedder: Lexical, Embed: EmbedLexical, Threshold: 0.95, MaxChars: 50})
	if err != nil {
		t.Fatal(err)
	}
	if e.Precision != NewShare(1, 2) || e.Recall != NewShare(1, 3) || e.Traps != NewShare(1, 2) {
		t.Errorf("precision %v, recall %v, traps %v", e.Precision, e.Recall, e.Traps)
	}
	if len(e.Kinds) != 4 || e.Kinds[0].Kind != "" || !e.Kinds[0].Same || e.Kinds[3].Same || e.Kinds[3].Hits != NewShare(1, 2) {
		t.Errorf("kinds %v", e.Kinds)
	}
	if len(e.WrongHits) != 1 || e.WrongHits[0].Line != 4 || len(e.Missed) != 2 || e.Missed[0].Refused != belowThreshold || e.Missed[1].Refused != TooLong {
		t.Errorf("wrong %v, missed %v", e.WrongHits, e.Missed)
	}
}

func TestEvaluateNamesTheLineOfAFault(t *testing.T) {
	dims := 2
	grow := func(context.Context, string) ([]float32, error) { dims++; return make([]float32, dims), nil }
	down := func(context.Context, string) ([]float32, error) { return nil, errors.New("the target is down") }
	ones := 0
	change := func(context.Context, string) ([]float32, error) { ones++; return []float32{1, 1, 1}[:ones], nil }
	for want, embed := range map[string]Embedder{"line 7: the embedding is zero": grow, "line 7: the target is down": down, "line 7: the embeddings have 1 and 2": change} {
		_, err := Evaluate(t.Context(), []Pair{{A: "a", B: "b", Line: 7}}, Settings{Embedder: "x/y", Embed: embed})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestReadPairs(t *testing.T) {
	good := `{"a":"x","b":"y","same":true}` + "\n\n" + `{"a":"x","b":"y","same":false,"kind":"k"}`
	pairs, err := ReadPairs(strings.NewReader(good))
	if err != nil || len(pairs) != 2 || pairs[1].Line != 3 || pairs[1].Kind != "k" {
		t.Errorf("pairs %v, error %v", pairs, err)
	}
	bad := strings.Join([]string{`{"a":"x","b":"y","same":true}`, `{"a":"x"}`, `nonsense`, `{"a":"","b":"y","same":true}`, `{"a":"x","b":"y","same":"yes"}`,
		`{"a":"x","b":"y","same":true,"label":1}`, `{"a":"x","b":"y","same":true} 1`, `[]`}, "\n")
	_, err = ReadPairs(strings.NewReader(bad))
	for _, want := range []string{"line 2:", "line 3:", "line 4:", "line 5:", "line 6:", "line 7:", "line 8:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "line 1:") {
		t.Errorf("error %v names line 1", err)
	}
	if _, err := ReadPairs(strings.NewReader(strings.Repeat("x\n", 30))); err == nil || !strings.Contains(err.Error(), "and 10 more bad lines") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadPairs(strings.NewReader("\n")); err == nil {
		t.Error("an empty file is no error")
	}
}

// FuzzReadPairs checks that no file makes it panic or return pairs without texts.
func FuzzReadPairs(f *testing.F) {
	f.Add(`{"a":"x","b":"y","same":true}`)
	f.Add(`{"a":null}` + "\n{")
	f.Fuzz(func(t *testing.T, s string) {
		pairs, err := ReadPairs(strings.NewReader(s))
		for _, p := range pairs {
			if p.A == "" || p.B == "" || p.Line == 0 {
				t.Errorf("pair %v, error %v", p, err)
			}
		}
	})
}

func TestNewShare(t *testing.T) {
	tests := []struct {
		count, of int
		low, high float64
	}{
		{0, 0, 0, 1}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {5, 10, 0.2366, 0.7634}, {48, 48, 0.9259, 1}, {81, 263, 0.2552, 0.3662},
	}
	for _, tt := range tests {
		s := NewShare(tt.count, tt.of)
		if math.Abs(s.Low-tt.low) > 5e-4 || math.Abs(s.High-tt.high) > 5e-4 {
			t.Errorf("NewShare(%d, %d) = %v, want %v to %v", tt.count, tt.of, s, tt.low, tt.high)
		}
	}
}

func TestAgreement(t *testing.T) {
	if got := Agreement("Paris is the capital of France.", "The capital of France is Paris."); got < MinAgreement {
		t.Errorf("the same in another order agrees by %v", got)
	}
	if got := Agreement("Paris is the capital of France.", "I can't help with that."); got > 0.5 {
		t.Errorf("a refusal agrees by %v", got)
	}
	if got := Agreement("", "x"); got != 0 {
		t.Errorf("nothing agrees by %v", got)
	}
}
