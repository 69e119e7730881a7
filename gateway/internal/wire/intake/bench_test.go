package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// typical is a request of about size bytes: a system prompt, a conversation, a tool.
func typical(size int) []byte {
	const head = `{"model":"smart","stream":true,"stream_options":{"include_usage":true},"temperature":0.7,"max_tokens":512,"metadata":{"usecase":"support","env":"prod"},` +
		`"tools":[{"type":"function","function":{"name":"lookup","description":"Find an order.","parameters":{"type":"object","properties":{"id":{"type":"string"}},"required":["id"]}}}],` +
		`"messages":[{"role":"system","content":"You are a careful assistant for a shop. Answer in one paragraph."}`
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len() < size-3; i++ {
		role := [...]string{"user", "assistant"}[i%2]
		text := strings.Repeat(`I ordered a lamp \"Aurora\" last week and it hasn't arrived.\n`, 3)
		fmt.Fprintf(&b, `,{"role":%q,"content":"%s"}`, role, text[:min(len(text), max(62, size-b.Len()-40))/62*62])
	}
	b.WriteString("]}")
	return []byte(b.String())
}

func BenchmarkScan(b *testing.B) {
	for _, size := range []int{800, 2 << 10, 32 << 10, 1 << 20} {
		body := typical(size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := intake.Scan(body, intake.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestScanAllocates(t *testing.T) {
	body := []byte(`{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
	got := testing.AllocsPerRun(100, func() {
		if _, _, err := intake.Scan(body, intake.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	if got > 1 {
		t.Errorf("Scan allocates %v times, want once: the model's name", got)
	}
}
