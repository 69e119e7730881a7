package cli

import (
	"fmt"
	"io"
	"strings"
)

// tree is text in branches below a root, each with a name and lines below its first.
type tree struct {
	root     string
	branches []branch
}

type branch struct {
	name, text string
	more       []string
	// style is that of the text.
	style style
}

// line adds a branch, or with an empty name a line to the last one.
func (t *tree) line(name, format string, args ...any) {
	text := oneLine(fmt.Sprintf(format, args...))
	if name != "" || len(t.branches) == 0 {
		t.branches = append(t.branches, branch{name: name, text: text})
		return
	}
	last := &t.branches[len(t.branches)-1]
	last.more = append(last.more, text)
}

// mark gives the text of the last branch a style.
func (t *tree) mark(s style) { t.branches[len(t.branches)-1].style = s }

// block adds a branch with lines below it that stay as they are.
func (t *tree) block(name, text string) {
	if text = strings.Trim(text, "\n"); text == "" {
		return
	}
	t.branches = append(t.branches, branch{name: name})
	last := &t.branches[len(t.branches)-1]
	for line := range strings.SplitSeq(text, "\n") {
		last.more = append(last.more, strings.TrimRight(line, " "))
	}
}

// print prints the tree, with styles where out is a terminal that shows them.
func (t *tree) print(out io.Writer) error {
	p := newPainter(out)
	wide := 0
	for i := range t.branches {
		if t.branches[i].text != "" {
			wide = max(wide, len(t.branches[i].name))
		}
	}
	p.paint(bold, "request")
	p.text("  " + t.root + "\n")
	for i := range t.branches {
		b := &t.branches[i]
		fork, stem := "├─ ", "│  "
		if i == len(t.branches)-1 {
			fork, stem = "└─ ", "   "
		}
		p.paint(faint, fork)
		p.paint(bold, b.name)
		indent := 2
		if b.text != "" {
			p.text(strings.Repeat(" ", wide-len(b.name)+2))
			p.paint(b.style, b.text)
			indent = wide + 2
		}
		p.text("\n")
		for _, line := range b.more {
			if line == "" {
				p.paint(faint, strings.TrimRight(stem, " "))
			} else {
				p.paint(faint, stem)
				p.text(strings.Repeat(" ", indent) + line)
			}
			p.text("\n")
		}
	}
	return p.err
}
