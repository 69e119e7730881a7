package canonical

import "testing"

// TestStateSurvivesEventsOfAnyInstance stores and loads a state in the middle of a stream,
// before every event, with all of its parts filled.
func TestStateSurvivesEventsOfAnyInstance(t *testing.T) {
	env := ReadEnvelope(Value(`{"request_id":"r","created":1,"target":{"model":"m"},"context":{"names":[["a_b","a.b"]]}}`))
	var one Chunks
	if err := one.Start(&env); err != nil {
		t.Fatal(err)
	}
	steps := []func(*Chunks){
		(*Chunks).Open,
		(*Chunks).BeginText,
		func(c *Chunks) { c.Text([]byte("abc")) },
		func(c *Chunks) { c.Cite(Citation{URL: Value(`"https://x"`)}) },
		(*Chunks).EndText,
		func(c *Chunks) { c.Cite(Citation{URL: Value(`"https://y"`), Title: Value(`"t"`)}) },
		(*Chunks).EndText,
		func(c *Chunks) { c.Arguments(c.Call(nil, Value(`"a_b"`)), []byte("{}")) },
		func(c *Chunks) { c.Thinking(c.NewThought(), []byte("hm")) },
		func(c *Chunks) { c.SetFinish(Stopped); c.Finish() },
		(*Chunks).Done,
	}
	var state []byte
	state = one.AppendState(state)
	for i, step := range steps {
		var other Chunks
		rest, ok := other.LoadState(append(append([]byte(nil), state...), "own"...))
		if !ok || string(rest) != "own" {
			t.Fatalf("before step %d LoadState = %q, %v, want what follows the state", i, rest, ok)
		}
		for n := range state {
			if _, ok := new(Chunks).LoadState(state[:n:n]); ok {
				t.Fatalf("before step %d LoadState took %d of %d bytes", i, n, len(state))
			}
		}
		one.BeginEvent()
		other.BeginEvent()
		step(&one)
		step(&other)
		if got, want := string(other.Lines()), string(one.Lines()); got != want {
			t.Errorf("step %d after LoadState gave\n%s, want\n%s", i, got, want)
		}
		if state = other.AppendState(state[:0]); string(state) != string(one.AppendState(nil)) {
			t.Errorf("step %d after LoadState left another state", i)
		}
	}
	if !one.Ended() {
		t.Error("the stream has not ended")
	}
}
