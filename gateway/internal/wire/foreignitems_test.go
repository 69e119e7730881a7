package wire

import "testing"

func TestForeignReasoningIsTakenOut(t *testing.T) {
	for body, want := range map[string]string{
		`{"input":[ {"role":"user"} , {"type":"reasoning","encrypted_content":"penstock:readable"},{"a":"penstock:"}]}`: `{"input":[{"role":"user"},{"a":"penstock:"}]}`,
		`{"x":["penstock:"],"input":[{"encrypted_content":"penstock:x","summary":[{}]},{"role":"user"}]}`:               `{"x":["penstock:"],"input":[{"role":"user"}]}`,
		`{"input":[{"encrypted_content":"gAAA"},"penstock:",1]}`:                                                        `{"input":[{"encrypted_content":"gAAA"},"penstock:",1]}`,
		`{"input":"penstock:"}`:                       `{"input":"penstock:"}`,
		`{"input":[{"encrypted_content":"penstock:x"`: `{"input":[{"encrypted_content":"penstock:x"`,
	} {
		if got := string(apply([]byte(body), withoutForeignItems([]byte(body)))); got != want {
			t.Errorf("%s became %s, want %s", body, got, want)
		}
	}
}
