package admin

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpend(t *testing.T) {
	f := new(fake)
	status, reply, _ := call(t, f, "GET", "/admin/v1/spend?by=model,+tag:usecase&since=7d&zone=Europe/Berlin&team=red&tag:env=prod", "")
	if status != 200 || strings.TrimSpace(string(reply.Body)) != `{"rows":[{"model":"m"}],"total":{"requests":1}}` {
		t.Errorf("%d %s", status, reply.Body)
	}
	if q := f.spend; !slices.Equal(q.By, []string{"model", "tag:usecase"}) || q.Since.Minute() != 0 || !q.Until.IsZero() || q.Zone.String() != "Europe/Berlin" || !maps.Equal(q.Where, map[string]string{"team": "red", "tag:env": "prod"}) {
		t.Errorf("asked for %+v", q)
	}
	_, reply, _ = call(t, f, "GET", "/admin/v1/spend?format=csv", "")
	if string(reply.Body) != "model\nm\n" || reply.ContentType != "text/csv; charset=utf-8" || reply.Filename != "spend.csv" || f.spend.Zone != time.UTC {
		t.Errorf("CSV: %+v for %+v", reply, f.spend)
	}
	for _, query := range []string{"since=never", "until=never", "format=xml", "zone=Local", "zone=Nowhere/Here"} {
		name, _, _ := strings.Cut(query, "=")
		if status, _, err := call(t, f, "GET", "/admin/v1/spend?"+query, ""); status != 400 || err.Param != name {
			t.Errorf("%s: %d %v", query, status, err)
		}
	}
	if status, _, _ := call(t, f, "GET", "/admin/v1/spend?by=none", ""); status != 404 {
		t.Errorf("an unknown dimension: %d", status)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"":                     now.Add(-time.Hour),
		"24h":                  now.Add(-24 * time.Hour),
		"7d":                   now.AddDate(0, 0, -7),
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T08:00:00Z": time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := parseTime(in, now, time.Hour); err != nil || !got.Equal(want) {
			t.Errorf("parseTime(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"yesterday", "-1h", "-3d", "999999999999d", "2026-13-01"} {
		if got, err := parseTime(in, now, 0); err == nil {
			t.Errorf("parseTime(%q) = %v, want an error", in, got)
		}
	}
}
