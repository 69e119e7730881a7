package chart

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// Bar is one bar of Bars.
type Bar struct {
	Name  string
	Value float64
}

// Bars draws bars beside each other, with the names of the first, the middle and the last below
// them, and the largest value above. Format writes a value with its unit.
func Bars(title string, bars []Bar, format func(float64) string) template.HTML {
	const w, h, base, head = 480.0, 136.0, 116.0, 20.0
	largest := 1.0
	for _, b := range bars {
		largest = max(largest, b.Value)
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<figure class="bars"><svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, w, h, html.EscapeString(title))
	each := w / float64(max(len(bars), 1))
	for i, b := range bars {
		height := max((base-head)*b.Value/largest, 1)
		fmt.Fprintf(&out, `<rect class="c0" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %s</title></rect>`,
			each*float64(i)+1, base-height, max(each-2, 1), height, html.EscapeString(b.Name), html.EscapeString(format(b.Value)))
	}
	if len(bars) > 0 {
		fmt.Fprintf(&out, `<text class="label" x="0" y="12">%s</text>`, html.EscapeString(format(largest)))
	}
	for _, i := range ends(len(bars)) {
		fmt.Fprintf(&out, `<text x="%.1f" y="%g" text-anchor="%s">%s</text>`, w*float64(i)/float64(max(len(bars)-1, 1)), h-4, anchor(i, len(bars)), html.EscapeString(bars[i].Name))
	}
	out.WriteString(`</svg><details><summary>numbers</summary><table><tbody>`)
	for _, b := range bars {
		fmt.Fprintf(&out, `<tr><th scope="row">%s</th><td class="num">%s</td></tr>`, html.EscapeString(b.Name), html.EscapeString(format(b.Value)))
	}
	out.WriteString(`</tbody></table></details></figure>`)
	return template.HTML(out.String()) // every text in it has been escaped
}

// ends returns the first, the middle and the last of n places.
func ends(n int) []int {
	switch {
	case n == 0:
		return nil
	case n < 3:
		return []int{0, n - 1}[:n]
	}
	return []int{0, n / 2, n - 1}
}
