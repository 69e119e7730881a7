package main

import (
	"fmt"
	"html"
	"strings"
)

// chart is a diagram of curves. It is an SVG of its own style, which follows the reader's light
// or dark theme.
type chart struct {
	title, about string
	x, y         axis
	series       []series
	// marked is a range of x with something to know about it, such as an outage; empty for none.
	from, to float64
	marked   string
	// stacked charts fill the space between each series and the one below it.
	stacked bool
}

// series is one curve.
type series struct {
	name   string
	points []point
	// color is the number of its color; dashed and dots say how it is drawn.
	color        int
	dashed, dots bool
}

type point struct{ x, y float64 }

// The measures of a chart, in pixels: the drawing, and the plot within it.
const (
	width, height          = 760, 420
	left, right, top, foot = 70, 170, 58, 62
	plotWidth, plotHeight  = width - left - right, height - top - foot
)

// style are the colors, which can be told apart by people who see few colors (Okabe and Ito),
// on a light and on a dark page.
const style = `
  svg { font-family: system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; font-size: 13px }
  .page { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #59636e } .grid { stroke: #d1d9e0 } .axis { stroke: #59636e } .mark { fill: #59636e; opacity: .13 }
  .c0 { --c: #0072b2 } .c1 { --c: #d55e00 } .c2 { --c: #009e73 } .c3 { --c: #b5548f } .c4 { --c: #c98500 } .c5 { --c: #3d9bd1 } .c6 { --c: #6e7781 } .c7 { --c: #1f2328 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #f0f6fc } .soft { fill: #9198a1 } .grid { stroke: #2b323b } .axis { stroke: #9198a1 } .mark { fill: #9198a1; opacity: .2 }
    .c0 { --c: #4aa8e8 } .c1 { --c: #ff8a3d } .c2 { --c: #2cc79b } .c3 { --c: #e08ec0 } .c4 { --c: #f0b429 } .c5 { --c: #8cd0f5 } .c6 { --c: #8b949e } .c7 { --c: #f0f6fc }
  }
  .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round } .dashed { stroke-dasharray: 5 4 } .dot { fill: var(--c) } .area { fill: var(--c); opacity: .8 }
  .title { font-size: 16px; font-weight: 600 }
`

// svg draws the chart.
func (c *chart) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n<desc>%s</desc>\n<style>%s</style>\n", html.EscapeString(c.title), html.EscapeString(c.about), style)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/>`+"\n", width, height)
	c.text(&b, left, 24, "text title", "start", c.title)
	c.text(&b, left, 43, "soft", "start", c.about)
	c.grid(&b)
	for i := range c.series {
		c.draw(&b, i)
	}
	c.mark(&b)
	c.legend(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

// px and py are where a value is drawn.
func (c *chart) px(x float64) float64 { return left + plotWidth*c.x.at(x) }
func (c *chart) py(y float64) float64 { return top + plotHeight*(1-c.y.at(y)) }

func (c *chart) text(b *strings.Builder, x, y float64, class, anchor, s string) {
	fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, html.EscapeString(s))
}

// grid draws both axes with their ticks and titles.
func (c *chart) grid(b *strings.Builder) {
	const bottom = top + plotHeight
	for _, x := range c.x.ticks() {
		fmt.Fprintf(b, `<line class="axis" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", c.px(x), bottom, c.px(x), bottom+5)
		c.text(b, c.px(x), bottom+20, "soft", "middle", c.x.text(x))
	}
	for _, y := range c.y.ticks() {
		fmt.Fprintf(b, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`+"\n", left, c.py(y), left+plotWidth, c.py(y))
		c.text(b, left-8, c.py(y)+4, "soft", "end", c.y.text(y))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", left, bottom, left+plotWidth, bottom)
	c.text(b, left+plotWidth/2, height-16, "text", "middle", c.x.title)
	fmt.Fprintf(b, `<text class="text" transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+plotHeight/2, html.EscapeString(c.y.title))
}

// mark shades the marked range and names it.
func (c *chart) mark(b *strings.Builder) {
	if c.marked == "" {
		return
	}
	fmt.Fprintf(b, `<rect class="mark" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", c.px(c.from), top, c.px(c.to)-c.px(c.from), plotHeight)
	c.text(b, (c.px(c.from)+c.px(c.to))/2, top+15, "text", "middle", c.marked)
}

// draw draws one series.
func (c *chart) draw(b *strings.Builder, i int) {
	s := &c.series[i]
	if len(s.points) == 0 {
		return
	}
	if c.stacked {
		c.area(b, i)
		return
	}
	if len(s.points) > 1 {
		class := "line"
		if s.dashed {
			class += " dashed"
		}
		fmt.Fprintf(b, `<polyline class="%s c%d" points="%s"/>`+"\n", class, s.color, c.path(s.points))
	}
	if s.dots || len(s.points) == 1 {
		for _, p := range s.points {
			fmt.Fprintf(b, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="4"/>`+"\n", s.color, c.px(p.x), c.py(p.y))
		}
	}
}

// area fills from the series below up to this one.
func (c *chart) area(b *strings.Builder, i int) {
	path := c.path(c.series[i].points)
	below := make([]point, len(c.series[i].points))
	for k, p := range c.series[i].points {
		below[len(below)-1-k] = point{p.x, 0}
		if i > 0 {
			below[len(below)-1-k].y = c.series[i-1].points[k].y
		}
	}
	fmt.Fprintf(b, `<polygon class="area c%d" points="%s %s"/>`+"\n", c.series[i].color, path, c.path(below))
}

func (c *chart) path(points []point) string {
	var b strings.Builder
	for i, p := range points {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%.1f,%.1f", c.px(p.x), c.py(min(max(p.y, c.y.low), c.y.high)))
	}
	return b.String()
}

// legend names the series beside the plot, of stacked ones the uppermost first.
func (c *chart) legend(b *strings.Builder) {
	const x = left + plotWidth + 16
	for i := range c.series {
		s, y := &c.series[i], float64(top+10+22*i)
		if c.stacked {
			s = &c.series[len(c.series)-1-i]
			fmt.Fprintf(b, `<rect class="area c%d" x="%d" y="%.1f" width="22" height="12"/>`+"\n", s.color, x, y-6)
		} else if len(s.points) == 1 {
			fmt.Fprintf(b, `<circle class="dot c%d" cx="%d" cy="%.1f" r="4"/>`+"\n", s.color, x+11, y)
		} else {
			class := "line"
			if s.dashed {
				class += " dashed"
			}
			fmt.Fprintf(b, `<line class="%s c%d" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`+"\n", class, s.color, x, y, x+22, y)
		}
		c.text(b, x+30, y+4, "text", "start", s.name)
	}
}
