package cli

import "io"

// style is how text looks on a terminal: the parameters of an SGR sequence.
type style string

const (
	usual style = ""
	bold  style = "1"
	faint style = "2"
	red   style = "31"
	green style = "32"
	amber style = "33"
)

// painter writes text with styles to a terminal that shows them, and without to anything else.
// After an error it writes nothing more.
type painter struct {
	out io.Writer
	// raw is the terminal; nil where there is none.
	raw *terminal
	err error
}

func newPainter(out io.Writer) *painter {
	p := &painter{out: out}
	if t, ok := out.(*terminal); ok && t.styled {
		p.raw = t
	}
	return p
}

// text writes text as it is.
func (p *painter) text(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.out, s)
	}
}

// paint writes text in a style.
func (p *painter) paint(s style, text string) {
	if p.raw == nil || s == usual {
		p.text(text)
		return
	}
	p.control("\x1b[" + string(s) + "m")
	p.text(text)
	p.control("\x1b[0m")
}

// control writes a control sequence to a terminal, and nothing to anything else.
func (p *painter) control(sequence string) {
	if p.raw != nil && p.err == nil {
		p.err = p.raw.control(sequence)
	}
}
