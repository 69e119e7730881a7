package cases

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// smallSDKs are the SDKs whose plugins have 16 MiB and manage their memory themselves.
var smallSDKs = []string{"assemblyscript", "c", "rust", "zig"}

// TestTheSDKsStayWithinTheirMemory sends one instance large and small inputs alternately: it
// must neither run out of memory nor grow from call to call, and refuse what is too long.
func TestTheSDKsStayWithinTheirMemory(t *testing.T) {
	for _, language := range smallSDKs {
		t.Run(language, func(t *testing.T) {
			m := load(t, sdkModule(t, language, "house-style"), func(s *wasm.Spec) {
				s.Config, s.MaxInstances = []byte(`{"styles":{"*":"Be brief."}}`), 1
			})
			call := func(size int) ([]byte, error) {
				text := strings.Repeat(`\n<é>`, size/6)
				in := []byte(`{"target":{"id":"x"},"body":{"messages":[{"role":"system","content":"` + text + `"}]}}`)
				out, _, err := m.Call(context.Background(), hook.TransformRequest, 1, in, nil)
				if err == nil && !bytes.HasSuffix(out, []byte(text[len(text)/2:]+`"}]}}`)) {
					t.Fatalf("%d bytes came back as %d", len(in), len(out))
				}
				return out, err
			}
			for range 3 {
				for _, size := range []int{10, 70 << 10, 1 << 20, 3 << 20, 4<<20 - 200, 100, 2 << 20} {
					if _, err := call(size); err != nil {
						t.Fatalf("with %d bytes: %v", size, err)
					}
				}
			}
			if _, err := call(6 << 20); err == nil || !strings.Contains(err.Error(), "no room for the input") {
				t.Errorf("with 6 MiB: %v, want no room for the input", err)
			}
		})
	}
}
