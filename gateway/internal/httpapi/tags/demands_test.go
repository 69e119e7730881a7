package tags

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestDemands joins what key, headers and metadata demand.
func TestDemands(t *testing.T) {
	of := func(class, region string) map[string]string {
		m := map[string]string{}
		if class != "" {
			m[llm.DataClassTag] = class
		}
		if region != "" {
			m[llm.RegionTag] = region
		}
		return m
	}
	for _, c := range []struct {
		metadata, headers, key map[string]string
		classes, regions       string
		fault                  string
	}{
		{nil, nil, nil, "", "", ""},
		{nil, nil, of("secret", "eu"), "secret", "eu", ""},
		{of("public", ""), of("Internal", ""), of("secret", ""), "internal public secret", "", ""},
		{of("a b,c;a", "eu us"), nil, nil, "a b c", "eu us", ""},
		{nil, of("", "US, ch"), of("", "eu ch us"), "", "ch us", ""},
		{of("", "ch"), of("", "us ch"), of("", "eu ch us"), "", "ch", ""},
		{nil, of("", "us"), of("", "eu ch"), "", "", `must stay in ch or eu, and asks for "us"`},
		{of("", "eu"), of("", "us"), nil, "", "", `must stay in us, and asks for "eu"`},
		{nil, of("", " , "), nil, "", "", `asks for " , "`},
		{nil, of(strings.Repeat("a b c d e f g h ", 4)+"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26", ""), nil, "", "", "32 classes"},
	} {
		d, err := Demands(c.metadata, c.headers, c.key)
		if (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("Demands(%v, %v, %v): %v, want %q", c.metadata, c.headers, c.key, err, c.fault)
			continue
		}
		if got := strings.Join(d.Classes, " "); err == nil && (got != c.classes || strings.Join(d.Regions, " ") != c.regions) {
			t.Errorf("Demands(%v, %v, %v) = %+v", c.metadata, c.headers, c.key, d)
		}
	}
}

// TestCallersOnlyAdd has a caller claim anything: whatever target the key's demands refuse stays
// refused.
func TestCallersOnlyAdd(t *testing.T) {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "D"}), 0, 3)
	claims := rapid.Custom(func(t *rapid.T) map[string]string {
		return map[string]string{llm.DataClassTag: strings.Join(words.Draw(t, "classes"), " "), llm.RegionTag: strings.Join(words.Draw(t, "regions"), ",")}
	})
	rapid.Check(t, func(t *rapid.T) {
		key := claims.Draw(t, "key")
		alone, err := Demands(nil, nil, key)
		if err != nil {
			t.Fatal(err)
		}
		both, err := Demands(claims.Draw(t, "metadata"), claims.Draw(t, "headers"), key)
		if err != nil {
			return
		}
		target := &llm.Target{Region: rapid.SampledFrom([]string{"", "a", "b", "d"}).Draw(t, "region"), Data: words.Draw(t, "data")}
		if alone.Refuses(target) != "" && both.Refuses(target) == "" {
			t.Fatalf("the key's demands %+v refuse %+v, with the caller's %+v do not", alone, target, both)
		}
		if !slices.IsSorted(both.Classes) {
			t.Fatalf("classes %v are not sorted", both.Classes)
		}
	})
}
