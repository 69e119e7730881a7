package dialects

import (
	"os"
	"strings"
	"testing"
)

// TestStateIsChecked feeds states that no call returned.
func TestStateIsChecked(t *testing.T) {
	_, _, event := Hooks()
	for _, state := range []string{"", "x", "\x00", "\x01", "\xff", "\x00" + strings.Repeat("\xff", 40), "\x00" + strings.Repeat("\xff", 400)} {
		in := append([]byte{byte(len(state)), byte(len(state) >> 8), 0, 0}, state+"message_stop\n{}"...)
		if _, err := event(nil, in); err == nil {
			t.Errorf("state %q was taken", state)
		}
	}
}

func TestUnknownDialectIsRejected(t *testing.T) {
	request, response, event := Hooks()
	in := `{"dialect":"cobol","body":{}}`
	_, err1 := request(nil, []byte(in))
	_, err2 := response(nil, []byte(in))
	_, err3 := event(nil, []byte("\x00\x00\x00\x00penstock.start\n"+in))
	for _, err := range []error{err1, err2, err3} {
		if err == nil || !strings.Contains(err.Error(), `unknown dialect "cobol"; this module speaks anthropic`) {
			t.Errorf("the hook gave %v", err)
		}
	}
}

// FuzzHooks feeds inputs of any kind.
func FuzzHooks(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00xx" + "message_stop\n{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		request, response, event := Hooks()
		_, _ = request(nil, in)
		_, _ = response(nil, in)
		_, _ = event(nil, in)
	})
}

// TestREADMEListsTheDialects compares README.md with the table.
func TestREADMEListsTheDialects(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		_, row, ok := strings.Cut(string(readme), "\n| [`"+name+"`](")
		if !ok {
			t.Errorf("README.md has no row for %s", name)
			continue
		}
		folder, _, _ := strings.Cut(row, ")")
		if _, err := os.Stat(folder); err != nil {
			t.Error(err)
		}
	}
}
