package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForeignBlocksAreTakenOut(t *testing.T) {
	const own = `{"type":"thinking","thinking":"a","signature":"s"}`
	for body, want := range map[string]string{
		`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""}, {"type":"text","text":"b"}]}]}`:                                                         `{"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]}]}`,
		`{"messages":[{"role":"assistant","content":[` + own + `,{"signature" : "","type":"thinking"}]}]}`:                                                                                      `{"messages":[{"role":"assistant","content":[` + own + `]}]}`,
		`{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""}]}]}`:                                                                                     `{"messages":[{"role":"assistant","content":[{"type":"text","text":"(thinking)"}]}]}`,
		`{"messages":[{"content":[{"type":"text","citations":[{"encrypted_index":""}],"text":"b"},{"type":"text","text":"c","citations":[{"encrypted_index":"x"},{"encrypted_index":""}] }]}]}`: `{"messages":[{"content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]}]}`,
		`{"messages":[{"content":[{"citations":[{"encrypted_index":""}]}]}]}`:                                                                                                                   `{"messages":[{"content":[{}]}]}`,
		// What is Anthropic's own, or no block, stays byte for byte.
		`{"messages":[{"role":"assistant","content":[ ` + own + ` ]}]}`:                      "",
		`{"messages":[{"content":[{"type":"tool_use","input":{"signature":""}}]}]}`:          "",
		`{"messages":[{"content":"\"signature\":\"\""}], "signature":""}`:                    "",
		`{"messages":[{"content":[1,{"type":"thinking","signature":""}]}]}`:                  "",
		`{"messages":[{"content":[{"type":"text","citations":[{"encrypted_index":"x"}]}]}]}`: "",
		`{"messages":[{"content":[{"type":"thinking","signature":""`:                         "",
	} {
		if want == "" {
			want = body
		}
		if diff := cmp.Diff(want, string(apply([]byte(body), withoutForeign([]byte(body))))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}
