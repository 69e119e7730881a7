package intake_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func TestScanEmbeddings(t *testing.T) {
	for in, want := range map[string]struct {
		inputs   int
		encoding string
	}{
		`{"model":"m","input":"a"}`:                                    {1, ""},
		`{"model":"m","input":["a","b"],"encoding_format":"base64"}`:   {2, "base64"},
		`{"model":"m","input":[1,2,3],"encoding_format":null,"new":1}`: {1, ""},
		`{"model":"m","input":[[1],[2,3]],"dimensions":3}`:             {2, ""},
	} {
		facts, _, err := intake.ScanEmbeddings([]byte(in), intake.Options{})
		if err != nil || facts.Inputs != want.inputs || facts.Encoding != want.encoding || facts.Model != "m" || facts.EstInputTokens == 0 {
			t.Errorf("%s: %+v, %v, want %+v", in, facts, err, want)
		}
	}
	for in, want := range map[string]string{
		`{"input":"a"}`:                       `"model" is missing`,
		`{"model":"m"}`:                       `"input" is missing`,
		`{"model":"m","input":[]}`:            "input is empty",
		`{"model":"m","input":7}`:             "input must be",
		`{"model":"m","input":["a",1]}`:       "mixes",
		`{"model":"m","input":[{}]}`:          "input must be",
		`{"model":"m","input":"a","Input":1}`: "differs from",
		`{"model":"m","input":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 2049), ",") + `]}`: "more than 2048",
		`{"model":"m","input":"a","encoding_format":1}`:                                         "encoding_format must be",
	} {
		if _, _, err := intake.ScanEmbeddings([]byte(in), intake.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ScanEmbeddings(%.60s) = %v, want %q in it", in, err, want)
		}
	}
	n := 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "embeddings" && strings.Contains(r.RequestBody, `"input":`) && strings.Contains(r.RequestBody, `"model":`)
	}) {
		n++
		if _, _, err := intake.ScanEmbeddings([]byte(r.RequestBody), intake.Options{}); err != nil && r.Status == 200 {
			t.Errorf("%s: %v\n%.200s", r.Path, err, r.RequestBody)
		}
	}
	t.Logf("%d recorded requests", n)
}
