package llm_test

import (
	"encoding/json"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestPriceList(t *testing.T) {
	long := llm.Price{Known: true, Input: 2 * llm.USD, Output: 3 * llm.USD, CacheRead: llm.USD / 4, CacheWrite: 2 * llm.USD, CacheWriteLong: 4 * llm.USD,
		AudioInput: 2 * llm.USD, AudioOutput: 3 * llm.USD, WebSearch: 10_000 * llm.USD}
	p := llm.Price{Known: true, Input: llm.USD, Output: 2*llm.USD + 1, CacheRead: llm.USD / 8, CacheWrite: llm.USD, CacheWriteLong: 2 * llm.USD,
		AudioInput: 5 * llm.USD, AudioOutput: 2*llm.USD + 1, WebSearch: 10_000 * llm.USD, LongAbove: 200_000, Long: &long, Row: "p/m@0"}
	got, err := json.Marshal(p.List())
	const want = `{"input":1,"output":2.000000001,"cached":0.125,"cache_write":1,"cache_write_1h":2,"audio_input":5,"web_search":10,` +
		`"long_above":200000,"long":{"input":2,"output":3,"cached":0.25,"cache_write":2,"cache_write_1h":4},"row":"p/m@0"}`
	if err != nil || string(got) != want {
		t.Errorf("List() = %s, %v\nwant %s", got, err, want)
	}
	free := llm.Price{Known: true}
	if got := free.List(); got == nil || got.Input != "0" {
		t.Errorf("a free model's List() = %+v, want 0 as input", got)
	}
	if got := new(llm.Price).List(); got != nil {
		t.Errorf("an unknown price's List() = %+v, want nil", got)
	}
}
