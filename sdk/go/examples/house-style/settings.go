package main

import (
	"strings"

	penstock "github.com/penstock/penstock/sdk/go"
)

// plugin holds the settings.
type plugin struct {
	styles []style
}

// style is a text for the targets whose id is pattern, or begins with what stands before
// its star.
type style struct {
	pattern string
	text    []byte
}

// settings is the hook penstock_init. What it keeps is copied: the input is the host's.
func (p *plugin) settings(_, in []byte) ([]byte, error) {
	styles := penstock.JSON(in).Member("config", "styles")
	if styles.Kind() != '{' {
		return nil, rejectStyles()
	}
	p.styles = nil
	for pattern, value := range styles.Members {
		text, ok := value.Text(nil)
		if !ok {
			return nil, rejectStyles()
		}
		p.styles = append(p.styles, style{pattern: string(pattern), text: text})
	}
	return nil, nil
}

func rejectStyles() error {
	return penstock.Reject(400, "styles must be an object of strings")
}

// match is the style with the longest pattern that fits; nil when none does.
func (p *plugin) match(target string) (best *style) {
	for k := range p.styles {
		s := &p.styles[k]
		start, open := strings.CutSuffix(s.pattern, "*")
		fits := s.pattern == target || open && strings.HasPrefix(target, start)
		if fits && (best == nil || len(s.pattern) > len(best.pattern)) {
			best = s
		}
	}
	return best
}
