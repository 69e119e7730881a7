package dialects

import (
	"os"
	"strings"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

// TestStateIsChecked feeds states that no call returned.
func TestStateIsChecked(t *testing.T) {
	h := NewHooks()
	for _, state := range []string{"", "x", "\x00", "\x01", "\xff", "\x00" + strings.Repeat("\xff", 40), "\x00" + strings.Repeat("\xff", 400)} {
		in := append([]byte{byte(len(state)), byte(len(state) >> 8), 0, 0}, state+"message_stop\n{}"...)
		if _, err := h.NormaliseEvent(nil, in); err == nil {
			t.Errorf("state %q was taken from a provider's stream", state)
		}
		if _, err := h.RenderEvent(nil, in); err == nil {
			t.Errorf("state %q was taken from a client's stream", state)
		}
	}
}

func TestUnknownDialectIsRejected(t *testing.T) {
	h := NewHooks()
	in := `{"dialect":"cobol","body":{}}`
	for _, one := range []struct {
		hook penstock.Hook
		in   string
	}{
		{h.TransformRequest, in}, {h.NormaliseResponse, in}, {h.NormaliseEvent, "\x00\x00\x00\x00penstock.start\n" + in},
		{h.AcceptRequest, in}, {h.RenderResponse, in}, {h.RenderEvent, "\x00\x00\x00\x00penstock.start\n" + in},
	} {
		_, err := one.hook(nil, []byte(one.in))
		if err == nil || !strings.Contains(err.Error(), `unknown dialect "cobol"; this module speaks `) {
			t.Errorf("the hook gave %v", err)
		}
	}
}

// FuzzHooks feeds inputs of any kind.
func FuzzHooks(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00xx" + "message_stop\n{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		h := NewHooks()
		for _, hook := range []penstock.Hook{h.TransformRequest, h.NormaliseResponse, h.NormaliseEvent, h.AcceptRequest, h.RenderResponse, h.RenderEvent} {
			_, _ = hook(nil, in)
		}
	})
}

// TestREADMEListsTheDialects compares README.md with the table.
func TestREADMEListsTheDialects(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table() {
		_, row, ok := strings.Cut(string(readme), "\n| [`"+r.name+"`](")
		if !ok {
			t.Errorf("README.md has no row for %s", r.name)
			continue
		}
		folder, _, _ := strings.Cut(row, ")")
		if _, err := os.Stat(folder); err != nil {
			t.Error(err)
		}
	}
}
