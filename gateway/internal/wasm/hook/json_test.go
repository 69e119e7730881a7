package hook

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzResults checks that reading a module's result never panics, and that a result that is not
// JSON is an error.
func FuzzResults(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,"\u00e9\n",true,false,null,{}],"choices":[{"index":0,"delta":{}}]}`,
		`{"path":"/x","headers":{"a":"b"},"dropped":["n"],"context":{},"body":{}}`,
		`{"ranking":[{"i":0,"score":1.5}],"drop":[2],"reason":"r"}`, `{"body":1}`, `{"choices":null,"usage":{}}`, `[`, `{"a":1,}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r RankingBuilder
		r.Reset(3)
		_ = ReadFlat(&r, b)
		_, _, _ = SplitFrame(b)
		r.Reset(3)
		_, replyErr := ReadReply(b)
		_, _, callErr := ReadCall(b)
		_, bodyErr := ReadBody(b)
		_, renderedErr := ReadRenderedReply(b, 200)
		for what, err := range map[string]error{"reply": replyErr, "call": callErr, "body": bodyErr, "rendered": renderedErr, "ranking": ReadRanking(&r, b)} {
			if err == nil && (!json.Valid(b) || !utf8.Valid(b)) {
				t.Fatalf("%q was read as a %s", b, what)
			}
		}
	})
}
