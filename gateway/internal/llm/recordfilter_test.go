package llm_test

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRecordFilterMatches(t *testing.T) {
	r := &llm.Record{Model: "m", KeyID: "k1", KeyName: "k2", Team: "t", Tags: map[string]string{"usecase": "a=b", "empty": ""}, Status: 429}
	for _, c := range []struct {
		filter llm.RecordFilter
		want   bool
	}{
		{llm.RecordFilter{}, true},
		{llm.RecordFilter{Model: "m", Team: "t", Key: "k1", Outcome: "refused"}, true},
		{llm.RecordFilter{Model: "n"}, false},
		{llm.RecordFilter{Key: "k2"}, false}, // a key's name is anyone's to choose
		{llm.RecordFilter{Outcome: "error"}, false},
		{llm.RecordFilter{Tag: "usecase=a=b"}, true},
		{llm.RecordFilter{Tag: "usecase=a"}, false},
		{llm.RecordFilter{Tag: "empty="}, true},
		{llm.RecordFilter{Tag: "none="}, true},
		{llm.RecordFilter{Tag: "usecase="}, false},
	} {
		if got := c.filter.Matches(r); got != c.want {
			t.Errorf("%+v matches %v, want %v", c.filter, got, c.want)
		}
	}
}
