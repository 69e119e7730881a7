package intake

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestScanEmbedContent reads what the facts need, of one request and of a list.
func TestScanEmbedContent(t *testing.T) {
	const text = `"content":{"parts":[{"text":"abc"}]}`
	for body, want := range map[string]llm.Facts{
		`{` + text + `}`: {Inputs: 1},
		`{"model":"models/m","taskType":"RETRIEVAL_QUERY","title":null,"outputDimensionality":3,` + text + `,"new":{"a":1}}`: {Inputs: 1, Model: "m"},
		`{"model":"m\u0061","task_type":"CLUSTERING","title":"t","output_dimensionality":null,` + text + `}`:                 {Inputs: 1, Model: "ma"},
		`{"model":null,"content":{"role":"user","parts":{"inline_data":{"mime_type":"image/png","data":"AAAA"}}}}`:           {Inputs: 1, Features: llm.Vision},
		`{"content":{"parts":[{"fileData":{"fileUri":"x"}}]}}`:                                                               {Inputs: 1, Unbounded: "a remote file"},
		`{"requests":[{` + text + `}]}`: {Inputs: 1},
		`{"requests":[{"model":"models/m",` + text + `},{"title":"t","model":"m",` + text + `},{` + text + `,"taskType":"X"}]}`: {Inputs: 3, Model: "m"},
	} {
		scan := ScanEmbedContent
		if strings.HasPrefix(body, `{"requests"`) {
			scan = ScanBatchEmbedContents
		}
		f, _, err := scan([]byte(body), Options{})
		if err != nil || f.Inputs != want.Inputs || f.Messages != want.Inputs || f.Model != want.Model || f.Features != want.Features ||
			f.Unbounded != want.Unbounded || f.EstInputTokens == 0 || body[f.End] != '}' || want.Model != "" && f.ModelAt.IsZero() {
			t.Errorf("%s: %+v, %v", body, f, err)
		}
	}
}

func TestScanEmbedContentRefused(t *testing.T) {
	const text = `"content":{"parts":[{"text":"abc"}]}`
	for body, want := range map[string]string{
		`{}`:                         `"content" is missing`,
		`{"content":null}`:           `"content" is missing`,
		`{"content":"abc"}`:          "content must be an object",
		`{"content":{"parts":[1]}}`:  "content.parts[0] must be an object",
		`{` + text + `,"Content":1}`: "letters only",
		`{` + text + `,"task_type":"a","taskType":"a"}`:                          "twice",
		`{` + text + `,"taskType":1}`:                                            "taskType must be a string",
		`{` + text + `,"title":1}`:                                               "title must be a string",
		`{` + text + `,"outputDimensionality":0}`:                                "outputDimensionality must be a whole number",
		`{` + text + `,"outputDimensionality":"3"}`:                              "outputDimensionality must be a whole number",
		`{` + text + `,"model":1}`:                                               "model must be a string",
		`{` + text + `,"base_url":"x"}`:                                          "may not choose an upstream",
		`{` + text + `,"r\u0065quests":2}`:                                       "requests has no place in one request",
		`{"requests":[{"requests":[],` + text + `}]}`:                            "requests[0].requests has no place",
		`{"requests":[]}`:                                                        `"requests" is missing`,
		`{"requests":null}`:                                                      `"requests" is missing`,
		`{"requests":{}}`:                                                        "requests must be an array",
		`{"requests":[1]}`:                                                       "requests[0] must be an object",
		`{"requests":[{` + text + `},{"content":null}]}`:                         "requests[1].content is missing",
		`{"requests":[{` + text + `},{"content":{"parts":[{"text":"a"},2]}}]}`:   "requests[1].content.parts[1] must be an object",
		`{"requests":[{` + text + `},{` + text + `,"outputDimensionality":-1}]}`: "requests[1].outputDimensionality must be a whole number",
		`{"requests":[{"model":"models/a",` + text + `},{"model":"models/b",` + text + `}]}`:  `names the model "b", and another part of it "a"`,
		`{"requests":[{"api_key":"x",` + text + `}]}`:                                         "may not choose an upstream",
		`{"requests":[` + strings.TrimSuffix(strings.Repeat(`{`+text+`},`, 2049), ",") + `]}`: "more than 2048",
	} {
		scan := ScanEmbedContent
		if strings.HasPrefix(body, `{"requests"`) {
			scan = ScanBatchEmbedContents
		}
		if _, _, err := scan([]byte(body), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", body, err, want)
		}
	}
}

// TestScanEmbedContentRecordings reads every recorded request.
func TestScanEmbedContentRecordings(t *testing.T) {
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "embeddings" && strings.Contains(r.URLPath, "mbedContent")
	}) {
		n++
		scan := ScanEmbedContent
		if strings.HasSuffix(rec.URLPath, ":batchEmbedContents") {
			scan = ScanBatchEmbedContents
		}
		if f, _, err := scan([]byte(rec.RequestBody), Options{}); err != nil || f.Inputs == 0 || f.Unbounded != "" {
			t.Errorf("%s: %+v, %v", rec.Path, f, err)
		}
	}
	t.Logf("%d requests", n)
}

func FuzzScanEmbedContent(f *testing.F) {
	f.Add(`{"model":"models/m","content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","outputDimensionality":3}`)
	f.Add(`{"requests":[{"model":"models/m","content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, scan := range []func([]byte, Options) (llm.Facts, llm.CacheControl, error){ScanEmbedContent, ScanBatchEmbedContents} {
			facts, _, err := scan([]byte(body), Options{})
			if err == nil && (facts.Inputs < 1 || facts.Inputs > maxInputs || facts.End >= len(body) || body[facts.End] != '}' ||
				facts.ModelAt.End > len(body) || facts.TextBytes > int64(len(body))) {
				t.Errorf("%s gave %+v", body, facts)
			}
		}
	})
}
