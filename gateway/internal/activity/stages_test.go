package activity

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestStages(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	a := New(func() time.Time { return now })
	ms := func(n int) llm.Millis { return llm.Millis(time.Duration(n) * time.Millisecond) }
	r := &llm.Record{Time: now, Duration: ms(100), Upstream: ms(70), Queued: ms(10),
		Stages:   llm.Stages{Admit: llm.Stage{Duration: ms(1)}, Cache: llm.Stage{Duration: ms(2)}, Rank: llm.Stage{Duration: ms(3)}},
		Attempts: []llm.Attempt{{Transform: ms(1), Reserve: ms(2)}, {Transform: ms(3)}}}
	a.Observe(r)
	a.Observe(r)
	want := StageTimes{2, 2 * time.Millisecond, 4 * time.Millisecond, 6 * time.Millisecond, 8 * time.Millisecond, 4 * time.Millisecond, 16 * time.Millisecond}
	if got := a.Stages(); got != want {
		t.Errorf("Stages() = %+v, want %+v", got, want)
	}
	now = now.Add(25 * time.Hour)
	if got := a.Stages(); got != (StageTimes{}) {
		t.Errorf("a day later Stages() = %+v, want none", got)
	}
}
