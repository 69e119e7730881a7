// Package chart draws charts as SVG, on the server, from series of numbers. A chart is part
// of an HTML page whose style sheet has the classes that it uses; every one comes with a
// table of its numbers for people who do not see it.
//
// It knows nothing of what the numbers are: the caller gives names, units and times.
package chart

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Series is one named row of numbers. NaN is a gap.
type Series struct {
	Name   string
	Values []float64
}

// Level is a horizontal line, such as a budget.
type Level struct {
	Name  string
	Value float64
}

// Band marks a span of time, such as an open circuit.
type Band struct {
	Name     string
	From, To time.Time
}

// Plot is a chart over time. Every series has one value for each of Times, which ascend.
type Plot struct {
	// Title says what is shown, for people who do not see it.
	Title string
	Times []time.Time
	// Zone is that of the times on the axis; nil means UTC.
	Zone   *time.Location
	Series []Series
	// Format writes a value with its unit; nil writes the number.
	Format func(float64) string
	Levels []Level
	Bands  []Band
	// Ahead is what is expected: a value for each of Times, NaN for times without; nil for none.
	// AheadName says what it is.
	Ahead     []float64
	AheadName string
	// Width and Height are in pixels; zero means 960 and 220.
	Width, Height int
}

// Other is the name of the series that stands for all that are not shown.
const Other = "other"

// Most is how many series one chart shows, besides Other.
const Most = 7

// The size of the drawing and the margins of its axes, in units of the view box.
const (
	defaultWidth, defaultHeight = 960, 220
	left, right, top, bottom    = 72, 16, 12, 24
	// thinnest is the width of a band of a moment.
	thinnest = 3
	// small is the height below which the axis has two steps instead of four.
	small = 150
)

// Area draws the series on top of each other. Gaps count as 0.
func Area(p Plot) template.HTML {
	d := p.drawing(stacked(p.Series))
	below, of := make([]float64, len(p.Times)), colors(p.Series)
	var labels strings.Builder // on top of all areas
	for i, s := range p.Series {
		over := sum(below, s.Values)
		d.area(below, over, of[i], s.Name)
		if len(p.Series) > 1 && d.labelArea(&labels, below, over, s.Name) {
			d.labeled[s.Name] = true
		}
		below = over
	}
	d.WriteString(labels.String())
	return d.finish()
}

// Lines draws each series as a line.
func Lines(p Plot) template.HTML {
	d := p.drawing(highest(p.Series))
	for i, s := range p.Series {
		d.line(s.Values, colors(p.Series)[i], s.Name)
	}
	return d.finish()
}

// drawing is a chart under way.
type drawing struct {
	strings.Builder
	p             Plot
	width, height float64
	// max is the value at the top of the axis.
	max float64
	// labeled are the series that have their names in the drawing.
	labeled map[string]bool
}

// drawing starts a chart whose largest value is given.
func (p Plot) drawing(largest float64) *drawing {
	for _, l := range p.Levels {
		largest = max(largest, l.Value)
	}
	largest = max(largest, highest([]Series{{Values: p.Ahead}}))
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	if p.Format == nil {
		p.Format = func(v float64) string { return fmt.Sprintf("%g", v) }
	}
	p.Width, p.Height = cmp.Or(p.Width, defaultWidth), cmp.Or(p.Height, defaultHeight)
	d := &drawing{p: p, width: float64(p.Width), height: float64(p.Height), max: ceiling(largest), labeled: map[string]bool{}}
	class := "chart"
	if p.Height < small {
		class += " small"
	}
	fmt.Fprintf(d, `<figure class="%s"><div class="plot"><svg viewBox="0 0 %d %d" role="img" aria-label="%s" data-left="%d" data-right="%d"><g class="grid">`,
		class, p.Width, p.Height, html.EscapeString(p.Title), left, right)
	d.grid()
	d.WriteString("</g>")
	for _, b := range p.Bands {
		d.band(b)
	}
	return d
}

// ceiling returns the next round number that is not below v: 1, 2 or 5 times a power of ten.
func ceiling(v float64) float64 {
	if v <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range [...]float64{1, 2, 5} {
		if v <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

// grid draws the axes: lines with their values, and the times below.
func (d *drawing) grid() {
	lines := 4
	if d.p.Height < small {
		lines = 2
	}
	for i := range lines + 1 {
		v := d.max * float64(i) / float64(lines)
		fmt.Fprintf(d, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, d.p.Width-right, d.y(v), d.y(v), left-8, d.y(v)+4, html.EscapeString(d.p.Format(v)))
		if i > 0 && d.p.Height >= small { // for a phone, which shows the end of the chart
			fmt.Fprintf(d, `<text class="edge" aria-hidden="true" x="%d" y="%.1f" text-anchor="end">%s</text>`, d.p.Width-right, max(d.y(v)-4, top+4), html.EscapeString(d.p.Format(v)))
		}
	}
	for _, i := range ticks(len(d.p.Times), max(d.p.Width/160, 2)) {
		fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, d.x(i), d.height-6, anchor(i, len(d.p.Times)), html.EscapeString(d.label(i)))
	}
}

// ticks returns at most so many of n places at equal distances, the last among them.
func ticks(n, most int) (at []int) {
	if n == 0 {
		return nil
	}
	step := max((n-1+most-2)/(most-1), 1)
	for i := (n - 1) % step; i < n; i += step {
		at = append(at, i)
	}
	return at
}

func anchor(i, n int) string {
	switch i {
	case 0:
		return "start"
	case n - 1:
		return "end"
	}
	return "middle"
}

// label returns the time at a place: with the date where the chart spans more than a day.
func (d *drawing) label(i int) string {
	at, n := d.p.Times[i].In(d.p.Zone), len(d.p.Times)
	switch span := d.p.Times[n-1].Sub(d.p.Times[0]); {
	case span > 14*24*time.Hour, n > 1 && d.p.Times[1].Sub(d.p.Times[0]) > 20*time.Hour:
		return at.Format("2 Jan")
	case span > 36*time.Hour:
		return at.Format("2 Jan 15:04")
	}
	return at.Format("15:04")
}

func (d *drawing) x(i int) float64 {
	return left + (d.width-left-right)*float64(i)/float64(max(len(d.p.Times)-1, 1))
}

func (d *drawing) y(v float64) float64 {
	return top + (d.height-top-bottom)*(1-v/d.max)
}

func (d *drawing) band(b Band) {
	n := len(d.p.Times)
	if n < 2 {
		return
	}
	first, span := d.p.Times[0], d.p.Times[n-1].Sub(d.p.Times[0])
	at := func(t time.Time) float64 {
		share := min(max(float64(t.Sub(first))/float64(span), 0), 1)
		return left + (d.width-left-right)*share
	}
	from, to := at(b.From), at(b.To)
	fmt.Fprintf(d, `<rect class="band" x="%.1f" y="%d" width="%.1f" height="%.1f"><title>%s</title></rect>`,
		min(from, d.width-right-thinnest), top, max(to-from, thinnest), d.height-top-bottom, html.EscapeString(b.Name))
}

func (d *drawing) area(below, over []float64, color int, name string) {
	if len(over) == 0 {
		return
	}
	fmt.Fprintf(d, `<path class="area c%d" d="M`, color)
	for i, v := range over {
		fmt.Fprintf(d, "%.1f %.1fL", d.x(i), d.y(v))
	}
	for i := len(below) - 1; i >= 0; i-- {
		fmt.Fprintf(d, "%.1f %.1f", d.x(i), d.y(below[i]))
		if i > 0 {
			d.WriteByte('L')
		}
	}
	fmt.Fprintf(d, `Z"><title>%s</title></path>`, html.EscapeString(name))
}

// labelArea writes an area's name where there is most room for it, and reports whether there is
// any.
func (d *drawing) labelArea(out *strings.Builder, below, over []float64, name string) bool {
	const line, letter = 16, 7 // about the size of a text of 12 pixels
	name = cut(named(name), 24)
	half := float64(letter*utf8.RuneCountInString(name)) / 2
	best, x, y := 0.0, 0.0, 0.0
	for i := range over {
		if d.x(i)-half < left || d.x(i)+half > d.width-right {
			continue
		}
		if top, foot := d.room(below, over, d.x(i)-half, d.x(i)+half); foot-top > best {
			best, x, y = foot-top, d.x(i), (foot+top)/2
		}
	}
	if best < line {
		return false
	}
	fmt.Fprintf(out, `<text class="label" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x, y+4, html.EscapeString(name))
	return true
}

// room returns between which heights an area is unbroken from one place to another; the foot is
// above the top where it is nowhere.
func (d *drawing) room(below, over []float64, from, to float64) (highest, foot float64) {
	highest, foot = top, d.height-bottom
	step := d.x(1) - d.x(0) // a step beside the text has a part in the slope there
	for i := range over {
		if d.x(i) > from-step && d.x(i) < to+step {
			highest, foot = max(highest, d.y(over[i])), min(foot, d.y(below[i]))
		}
	}
	return highest, foot
}

// ring is drawn around a value alone between gaps, which would be no line.
const ring = "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0"

// line draws a series, anew after each gap.
func (d *drawing) line(values []float64, color int, name string) {
	fmt.Fprintf(d, `<path class="line c%d" d="`, color)
	draw := byte('M')
	for i, v := range values {
		if math.IsNaN(v) {
			draw = 'M'
			continue
		}
		fmt.Fprintf(d, "%c%.1f %.1f", draw, d.x(i), d.y(v))
		if draw == 'M' && (i+1 == len(values) || math.IsNaN(values[i+1])) {
			d.WriteString(ring)
		}
		draw = 'L'
	}
	fmt.Fprintf(d, `"><title>%s</title></path>`, html.EscapeString(name))
}

// finish draws what lies on top, and adds the legend and the table.
func (d *drawing) finish() template.HTML {
	for _, l := range d.p.Levels {
		text := d.y(l.Value) - 4
		if text < 2*top { // there is no room above the line
			text = d.y(l.Value) + 14
		}
		fmt.Fprintf(d, `<line class="level" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="level" x="%d" y="%.1f">%s %s</text>`,
			left, d.p.Width-right, d.y(l.Value), d.y(l.Value), left+4, text, html.EscapeString(l.Name), html.EscapeString(d.p.Format(l.Value)))
	}
	d.ahead()
	d.WriteString(`</svg></div>`)
	d.legend()
	d.table()
	d.WriteString(`</figure>`)
	return template.HTML(d.String()) // every text in it has been escaped
}

// ahead draws what is expected, as a line of dashes with its name at the end.
func (d *drawing) ahead() {
	last := -1
	draw := byte('M')
	var path strings.Builder
	for i, v := range d.p.Ahead {
		if math.IsNaN(v) {
			continue
		}
		fmt.Fprintf(&path, "%c%.1f %.1f", draw, d.x(i), d.y(v))
		draw, last = 'L', i
	}
	if last < 0 {
		return
	}
	fmt.Fprintf(d, `<path class="ahead" d="%s"/><text class="label" x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
		path.String(), d.x(last)-8, max(d.y(d.p.Ahead[last])-4, top+4), html.EscapeString(d.p.AheadName))
}

// legend names the series that have no names in the drawing.
func (d *drawing) legend() {
	if len(d.p.Series) < 2 || len(d.labeled) == len(d.p.Series) {
		return
	}
	d.WriteString(`<figcaption>`)
	for i, s := range d.p.Series {
		if d.labeled[s.Name] {
			continue
		}
		fmt.Fprintf(d, `<span class="key c%d">%s</span>`, colors(d.p.Series)[i], html.EscapeString(named(s.Name)))
	}
	d.WriteString(`</figcaption>`)
}

// table writes the numbers, which the page's script also reads for what it shows at the pointer.
func (d *drawing) table() {
	fmt.Fprintf(d, `<details><summary>numbers</summary><div class="scroll"><table><thead><tr><th scope="col">%s</th>`, html.EscapeString(d.p.Zone.String()))
	for i, s := range d.p.Series {
		fmt.Fprintf(d, `<th scope="col" class="num" data-color="%d">%s</th>`, colors(d.p.Series)[i], html.EscapeString(named(s.Name)))
	}
	if d.p.Ahead != nil {
		fmt.Fprintf(d, `<th scope="col" class="num" data-color="%d">%s</th>`, Most, html.EscapeString(d.p.AheadName))
	}
	d.WriteString(`</tr></thead><tbody>`)
	for i, at := range d.p.Times {
		fmt.Fprintf(d, `<tr><th scope="row">%s</th>`, at.In(d.p.Zone).Format("2006-01-02 15:04"))
		for _, s := range d.p.Series {
			d.cell(s.Values, i)
		}
		if d.p.Ahead != nil {
			d.cell(d.p.Ahead, i)
		}
		d.WriteString(`</tr>`)
	}
	d.WriteString(`</tbody></table></div></details>`)
}

// cell writes one number; a gap as a dash.
func (d *drawing) cell(values []float64, i int) {
	text := "–"
	if i < len(values) && !math.IsNaN(values[i]) {
		text = d.p.Format(values[i])
	}
	fmt.Fprintf(d, `<td class="num">%s</td>`, html.EscapeString(text))
}

func named(name string) string {
	if name == "" {
		return "(none)"
	}
	return name
}

// colors returns the color of each series.
func colors(series []Series) []int {
	names := make([]string, len(series))
	for i, s := range series {
		names[i] = s.Name
	}
	of := Colors(names)
	out := make([]int, len(series))
	for i, name := range names {
		out[i] = of[name]
	}
	return out
}

// Colors returns the color of each name in a chart: a number below Most, and Most for Other. A name
// has the same color in every chart unless another name of the chart has it already.
func Colors(names []string) map[string]int {
	of, taken := map[string]int{}, [Most]bool{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		if of[name] = Most; name == Other {
			continue
		}
		c := Color(name)
		for n := 0; n < Most && taken[c]; n++ {
			c = (c + 1) % Most
		}
		of[name], taken[c] = c, true
	}
	return of
}

// Color returns the color of a name where no other has it: a number below Most.
func Color(name string) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % Most)
}

func stacked(series []Series) (largest float64) {
	var total []float64
	for _, s := range series {
		total = sum(total, s.Values)
	}
	return highest([]Series{{Values: total}})
}

func highest(series []Series) (largest float64) {
	for _, s := range series {
		for _, v := range s.Values {
			if !math.IsNaN(v) {
				largest = max(largest, v)
			}
		}
	}
	return largest
}

// sum adds two rows; a gap counts as 0.
func sum(a, b []float64) []float64 {
	out := make([]float64, max(len(a), len(b)))
	copy(out, a)
	for i, v := range b {
		if !math.IsNaN(v) {
			out[i] += v
		}
	}
	return out
}
