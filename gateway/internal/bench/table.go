package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is text in columns. Every row has as many cells as the header.
type table struct {
	header []string
	rows   [][]string
	// left is how many of the first columns are aligned left; the others are numbers.
	left int
}

// text writes the table for a terminal.
func (t table) text(w io.Writer) {
	widths := t.widths()
	t.line(w, widths, t.header)
	for _, row := range t.rows {
		t.line(w, widths, row)
	}
}

func (t table) line(w io.Writer, widths []int, cells []string) {
	var b strings.Builder
	for i, cell := range cells {
		gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i > 0 {
			b.WriteString("  ")
		}
		if i < t.left {
			b.WriteString(cell + gap)
		} else {
			b.WriteString(gap + cell)
		}
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

func (t table) widths() []int {
	widths := make([]int, len(t.header))
	for _, cells := range append([][]string{t.header}, t.rows...) {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// markdown writes the table for a page.
func (t table) markdown(w io.Writer) {
	rule := make([]string, len(t.header))
	for i := range rule {
		rule[i] = "---:"
		if i < t.left {
			rule[i] = "---"
		}
	}
	for _, cells := range append([][]string{t.header, rule}, t.rows...) {
		fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |")
	}
}
