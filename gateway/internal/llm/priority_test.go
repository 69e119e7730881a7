package llm

import (
	"encoding/json"
	"testing"
)

func TestPriorityIsWrittenAsItIsRead(t *testing.T) {
	for _, p := range Priorities() {
		text, err := json.Marshal(p)
		var got Priority
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err != nil || got != p {
			t.Errorf("%v is written as %s and read as %v, %v", p, text, got, err)
		}
	}
	for _, text := range []string{"", "High", "urgent", "1"} {
		if p, ok := ParsePriority(text); ok || p != PriorityNormal {
			t.Errorf("ParsePriority(%q) = %v, %t; want none", text, p, ok)
		}
	}
	var p Priority
	if err := json.Unmarshal([]byte(`"urgent"`), &p); err == nil {
		t.Error("read a class that there is not")
	}
}
