package chart

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// Spark draws a row of numbers as a line without axes, 120 by 28 pixels; more than 60 are
// averaged. The title says what it shows.
func Spark(title string, values []float64) template.HTML {
	const w, h, most = 120.0, 28.0, 60
	values = averaged(values, most)
	largest := ceilingOf(values)
	var path strings.Builder
	draw := byte('M')
	for i, v := range values {
		if math.IsNaN(v) {
			draw = 'M'
			continue
		}
		fmt.Fprintf(&path, "%c%.1f %.1f", draw, w*float64(i)/float64(max(len(values)-1, 1)), h-1-(h-2)*v/largest)
		if draw == 'M' && (i+1 == len(values) || math.IsNaN(values[i+1])) {
			path.WriteString(ring)
		}
		draw = 'L'
	}
	return template.HTML(fmt.Sprintf(`<svg class="spark" viewBox="0 0 %g %g" role="img" aria-label="%s"><path class="line c0" d="%s"/></svg>`,
		w, h, html.EscapeString(title), path.String()))
}

// averaged returns at most n numbers, each the mean of a group; gaps count only where a group has
// nothing else.
func averaged(values []float64, n int) []float64 {
	group := (len(values) + n - 1) / n
	if group <= 1 {
		return values
	}
	var out []float64
	for i := 0; i < len(values); i += group {
		total, count := 0.0, 0
		for _, v := range values[i:min(i+group, len(values))] {
			if !math.IsNaN(v) {
				total += v
				count++
			}
		}
		out = append(out, total/float64(count)) // NaN for none
	}
	return out
}

func ceilingOf(values []float64) float64 {
	largest := highest([]Series{{Values: values}})
	if largest <= 0 {
		return 1
	}
	return largest
}

// Budget draws a bar: what is used solid, what is reserved hatched, both as shares of the
// limit from 0 to 1 and more, and the limit as a line. The bar of what exceeds the limit is drawn
// to a scale on which all of it fits, up to ten times the limit. The title says the same in words.
func Budget(title string, used, reserved float64) template.HTML {
	const w, h = 160.0, 10.0
	all := min(max(used+reserved, 1), 10)
	u := clamp(used / all)
	r := clamp((used+reserved)/all) - u
	class := "bar"
	if used+reserved >= 0.8 {
		class += " near"
	}
	if used >= 1 {
		class += " full"
	}
	return template.HTML(fmt.Sprintf(`<svg class="%s" viewBox="0 0 %g %g" role="img" aria-label="%s"><rect class="track" width="%g" height="%g"/><rect class="used" width="%.1f" height="%g"/><path class="reserved" d="%s"/><path class="limit" d="M%.1f 0v%g"/></svg>`,
		class, w, h, html.EscapeString(title), w, h, w*u, h, hatched(w*u, w*r, h), w/all-1, h))
}

// hatched returns the path of slanted strokes from x on.
func hatched(x, width, height float64) string {
	var path strings.Builder
	const gap, slant = 5.0, 4.0
	for at := x + gap/2; at+slant <= x+width; at += gap {
		fmt.Fprintf(&path, "M%.1f %gl%g %g", at, height, slant, -height)
	}
	return path.String()
}

// Share draws a bar for a value from 0 to 1 in a color of the charts.
func Share(title string, share float64, color int) template.HTML {
	const w, h = 120.0, 8.0
	return template.HTML(fmt.Sprintf(`<svg class="share" viewBox="0 0 %g %g" role="img" aria-label="%s"><rect class="track" width="%g" height="%g"/><rect class="c%d" width="%.1f" height="%g"/></svg>`,
		w, h, html.EscapeString(title), w, h, color, w*clamp(share), h))
}

func clamp(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1)
}

// Span is one bar of a Waterfall: from its start, for its length, in milliseconds.
type Span struct {
	Name, Detail  string
	Start, Length float64
	// Kind is a class of the style sheet: ok, failed or wait.
	Kind string
}

// Waterfall draws spans below each other on one axis of time from 0 to the total, in
// milliseconds.
func Waterfall(title string, total float64, spans []Span) template.HTML {
	const row, nameWidth, detailWidth, w = 24.0, 270.0, 72.0, 960.0
	const barWidth = w - nameWidth - detailWidth
	total = max(total, 1)
	height := row*float64(len(spans)) + 20
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="chart waterfall"><div class="plot"><svg viewBox="0 0 %g %g" role="img" aria-label="%s"><g class="grid">`, w, height, html.EscapeString(title))
	for i := range 5 {
		x := nameWidth + barWidth*float64(i)/4
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="0" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`,
			x, x, height-18, x, height-4, anchor(i, 5), html.EscapeString(Millis(total*float64(i)/4)))
	}
	b.WriteString("</g>")
	for i, s := range spans {
		y := row * float64(i)
		x := nameWidth + barWidth*clamp(s.Start/total)
		length := barWidth * clamp(s.Length/total)
		fmt.Fprintf(&b, `<text x="0" y="%.1f">%s</text><rect class="span %s" x="%.1f" y="%.1f" width="%.1f" height="14"><title>%s</title></rect><text x="%g" y="%.1f" text-anchor="end">%s</text>`,
			y+16, html.EscapeString(cut(s.Name, 30)), html.EscapeString(s.Kind), x, y+5, max(length, 2), html.EscapeString(s.Name+": "+s.Detail), w, y+16, html.EscapeString(Millis(s.Length)))
	}
	b.WriteString(`</svg></div><details><summary>numbers</summary><div class="scroll"><table><thead><tr><th scope="col">step</th><th scope="col" class="num">start</th><th scope="col" class="num">length</th><th scope="col">detail</th></tr></thead><tbody>`)
	for _, s := range spans {
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th><td class="num">%s</td><td class="num">%s</td><td>%s</td></tr>`,
			html.EscapeString(s.Name), html.EscapeString(Millis(s.Start)), html.EscapeString(Millis(s.Length)), html.EscapeString(s.Detail))
	}
	b.WriteString(`</tbody></table></div></details></figure>`)
	return template.HTML(b.String()) // every text in it has been escaped
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Millis writes milliseconds with a unit that fits.
func Millis(ms float64) string {
	switch {
	case math.IsNaN(ms):
		return "–"
	case ms == 0:
		return "0 ms"
	case ms < 1:
		return fmt.Sprintf("%.0f µs", ms*1000)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.1f min", ms/60_000)
}
