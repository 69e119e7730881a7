package hook

import (
	"encoding/binary"
	"strings"
	"testing"
)

// TestStatesAreBounded: what is rendered may hold a whole reply, other streams little.
func TestStatesAreBounded(t *testing.T) {
	for h, limit := range map[Hook]int{NormalizeEvent: 64 << 10, RenderEvent: 4 << 20} {
		for size, fits := range map[int]bool{0: true, limit: true, limit + 1: false} {
			out := append(binary.LittleEndian.AppendUint32(nil, uint32(size)), strings.Repeat("s", size)+"payload"...)
			state, payload, err := SplitResult(h, out)
			if (err == nil) != fits || fits && (len(state) != size || string(payload) != "payload") {
				t.Errorf("%s with a state of %d bytes: %d, %q, %v", h, size, len(state), payload, err)
			}
		}
	}
	if _, _, err := SplitResult(RenderEvent, []byte("\xff\xff\xff\xffabc")); err == nil {
		t.Error("a frame that is cut short was taken")
	}
}
