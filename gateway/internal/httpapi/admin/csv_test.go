package admin

import (
	"encoding/json"
	"testing"
)

func TestRowsAsCSV(t *testing.T) {
	got, err := rowsAsCSV([]byte(`{"rows":[{"model":"a,b","cost_usd":0.1,"n":null},{"model":"=1+1","extra":"x\"y"}],"total":{}}`))
	want := "model,cost_usd,n,extra\n\"a,b\",0.1,,\n'=1+1,,,\"x\"\"y\"\n"
	if err != nil || string(got) != want {
		t.Errorf("rowsAsCSV = %q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"=1", "+1", "-1", "@a", "\ta", "\ra", "\na", " =1", "\u00a0=1", "\u3000=1", "＝1", "＋1", "－1", "＠a", "\u200b=1", "\ufeff=1"} {
		value, _ := json.Marshal(text)
		if got := cell(value); got != "'"+text {
			t.Errorf("cell(%q) = %q", text, got)
		}
	}
	for text, want := range map[string]string{`-1.5`: "-1.5", `"a=1"`: "a=1", `""`: ""} {
		if got := cell([]byte(text)); got != want {
			t.Errorf("cell(%s) = %q", text, got)
		}
	}
	for _, bad := range []string{`[]`, `{"rows":[1]}`, `{"rows":{}}`} {
		if got, err := rowsAsCSV([]byte(bad)); err == nil {
			t.Errorf("rowsAsCSV(%s) = %q", bad, got)
		}
	}
}
