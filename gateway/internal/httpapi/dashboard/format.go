package dashboard

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// functions are what templates can call.
func functions() template.FuncMap {
	return template.FuncMap{
		"usd": formatUSD, "short": short, "count": formatCount, "millis": formatMillis, "time": chart.Millis, "change": formatChange, "count64": func(n int) string { return formatCount(int64(n)) }, "percent": formatPercent, "ago": ago, "clock": clock, "stamp": stamp,
		"color": chart.Color, "outcome": (*llm.Record).Outcome, "outcomes": outcomes, "amount": amount, "row": func(r *llm.Record, zone *time.Location) rowView { return rowView{r, zone} },
		"sections": sections, "current": current, "pair": func(a, b string) map[string]string { return map[string]string{"left": a, "right": b} }, "languages": languages, "periods": periods, "forMembers": forMembers, "members": members, "rounded": func(v float64) string { return formatCount(int64(math.Round(v))) }, "clients": clientNames, "states": keys.States, "join": func(list []string) string { return strings.Join(list, ", ") }, "until": func(now, t time.Time) string { return within(t.Sub(now)) }, "bytes": formatBytes, "took": func(d time.Duration) string { return chart.Millis(float64(d) / 1e6) },
	}
}

// formatUSD writes money with the digits that matter: cents, or more for what is less than one.
func formatUSD(n llm.NanoUSD) string {
	v := float64(n) / float64(llm.USD)
	switch abs := math.Abs(v); {
	case n == 0:
		return "$0"
	case abs < 0.1:
		digits := max(4, 1-int(math.Floor(math.Log10(abs)))) // two that are not zero
		text := strconv.FormatFloat(v, 'f', digits, 64)
		for len(text) > len("0.00") && text[len(text)-1] == '0' {
			text = text[:len(text)-1]
		}
		return "$" + text
	case abs < 1000:
		return fmt.Sprintf("$%.2f", v)
	}
	return "$" + grouped(int64(math.Round(v)))
}

// formatCount writes a number with separators, or shortened from a million on.
func formatCount(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f bn", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.2f M", float64(n)/1e6)
	}
	return grouped(n)
}

// grouped writes a number with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func formatMillis(m llm.Millis) string { return chart.Millis(float64(time.Duration(m)) / 1e6) }

// formatPercent writes a share from 0 to 1.
func formatPercent(share float64) string {
	switch {
	case math.IsNaN(share):
		return "–"
	case share == 0:
		return "0 %"
	case share > 0 && share < 0.001:
		return "< 0.1 %"
	case share < 0.1:
		return fmt.Sprintf("%.1f %%", share*100)
	}
	return fmt.Sprintf("%.0f %%", share*100)
}

// formatChange writes a change against what was before, as a share of it.
func formatChange(share float64) string {
	switch {
	case math.IsNaN(share):
		return "new"
	case math.Abs(share) < 0.005:
		return "±0 %"
	case share >= 10:
		return fmt.Sprintf("× %.0f", share+1)
	}
	return strings.Replace(fmt.Sprintf("%+.0f %%", share*100), "-", "−", 1)
}

// ago writes how long before now a time was.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := now.Sub(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// clock writes a time of day in a zone, stamp with the date.
func clock(zone *time.Location, t time.Time) string { return t.In(zone).Format("15:04:05") }
func stamp(zone *time.Location, t time.Time) string { return t.In(zone).Format("2006-01-02 15:04:05") }

// outcomes are the words of llm.Record.Outcome, after the one that selects all.
func outcomes() []string { return append([]string{""}, llm.Outcomes()...) }

// amount writes an amount of a limit's unit.
func amount(u llm.Unit, n int64) string {
	if u == llm.UnitUSD {
		return formatUSD(llm.NanoUSD(n))
	}
	return formatCount(n)
}

// short shortens a text that callers choose: to 200 characters, more than any name has.
func short(s string) string {
	const most = 200
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// section is an entry of the navigation.
type section struct{ Path, Name, Key string }

// sections are the pages of the navigation, with the letter that opens each after g.
func sections() []section {
	return []section{
		{"/", "Home", "h"},
		{"/spend", "Spend", "s"},
		{"/health", "Latency and health", "l"},
		{"/requests", "Requests", "r"},
		{"/playground", "Playground", "p"},
		{"/keys", "Keys and budgets", "k"},
		{"/policies", "Policies and plugins", "o"},
	}
}

// current reports whether a page belongs to a section.
func current(s section, path string) bool {
	return path == s.Path || s.Path != "/" && strings.HasPrefix(path, s.Path+"/")
}

// languages are those that the playground writes requests in.
func languages() []string { return []string{"curl", "Python", "TypeScript", "Go"} }

// periods are those that a change of policies can be compared over.
func periods() []string { return []string{"1d", "7d", "30d", "90d"} }

// formatBytes writes a size in bytes.
func formatBytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// members writes the members of a team, its admins marked.
func members(roles map[string]string) string {
	var names []string
	for _, user := range slices.Sorted(maps.Keys(roles)) {
		if roles[user] == roleAdmin {
			user += " (admin)"
		}
		names = append(names, user)
	}
	if len(names) == 0 {
		return "anybody"
	}
	return strings.Join(names, ", ")
}
