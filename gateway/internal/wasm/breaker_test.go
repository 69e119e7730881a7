package wasm

import (
	"strings"
	"testing"
	"time"
)

func TestDisabledSaysWhyAndUntilWhen(t *testing.T) {
	now := time.Unix(1000, 0)
	m := &Module{now: func() time.Time { return now }}
	if why := m.Disabled(); why != "" {
		t.Errorf("a new module is %q", why)
	}
	for range breakAfter {
		m.breaker.failed(now, "it broke")
	}
	if why := m.Disabled(); !strings.Contains(why, "until 00:17:40Z") || !strings.Contains(why, "it broke") {
		t.Errorf("after %d faults it is %q", breakAfter, why)
	}
	now = now.Add(breakFor)
	if why := m.Disabled(); why != "" {
		t.Errorf("after its time it is %q", why)
	}
}
