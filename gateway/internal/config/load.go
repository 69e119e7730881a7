package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a configuration's size in bytes.
const maxFile = 4 << 20

// pipeTime bounds how long reading a configuration from a pipe may take.
const pipeTime = 5 * time.Second

// Load reads a configuration: the file, and the files and environment variables that it
// refers to. If getenv is nil, secrets are not read and hold their references, for
// commands that call no provider. Errors in the content are returned as Faults; other
// errors mean that the file could not be read.
func Load(path string, getenv func(string) string) (*Config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, text, getenv)
}

// readFile reads a file of at most maxFile bytes. A pipe works too (serve -c <(…)), but
// one without a writer must not block a reload, and with it the shutdown, for ever.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()                // only read from
	_ = f.SetReadDeadline(time.Now().Add(pipeTime)) // pipes only; files have none
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	if info, serr := f.Stat(); err == nil && serr == nil && len(text) == 0 && info.Mode()&os.ModeNamedPipe != 0 {
		err = fmt.Errorf("%s is a pipe without a writer", path)
	}
	return text, err
}

// Parse reads a configuration from text. Faults name path as the file, and relative paths
// in the text are relative to its folder. The error is Faults.
func Parse(path string, text []byte, getenv func(string) string) (*Config, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors on Windows write one
	d := &decoder{
		source: newSource(path, text), dir: filepath.Dir(path), getenv: getenv,
		anchors: map[string]ast.Node{}, corrected: map[string]bool{},
	}
	c := new(Config)
	if root, ok := d.syntax(text); ok {
		d.at[""] = position{1, 1, 1}
		d.value("", root, reflect.ValueOf(c).Elem())
		c.source = d.source
		d.checking = true
		d.check(c)
	}
	if len(d.faults) > 0 {
		d.maskHidden()
		return nil, d.faults.sorted()
	}
	return c, nil
}

// maskHidden masks the hidden values in the lines of the faults.
func (d *decoder) maskHidden() {
	lines := map[int][]rune{}
	for _, f := range d.faults {
		if lines[f.Line] == nil {
			lines[f.Line] = []rune(f.text)
		}
	}
	for _, n := range d.hidden {
		if _, isText := n.(*ast.StringNode); isText {
			p := positionOf(n)
			maskAt(lines[p.line], p)
		}
	}
	texts := map[int]string{}
	for number, line := range lines {
		texts[number] = string(line)
	}
	for i, f := range d.faults {
		d.faults[i].text = texts[f.Line]
	}
}

// maskAt masks the text at a position of its line, which may be nil.
func maskAt(line []rune, p position) {
	from, to := p.col-1, p.col-1+p.width
	if from < 0 || to > len(line) {
		return
	}
	for i := from; i < to; i++ {
		line[i] = '*'
	}
}

// syntax parses the text and returns the tree of its only document.
func (d *decoder) syntax(text []byte) (root ast.Node, ok bool) {
	if len(text) > maxFile {
		d.faults = append(d.faults, d.faultAt(position{1, 1, 1}, "", "", fmt.Sprintf("is larger than %d bytes", maxFile)))
		return nil, false
	}
	file, err := parse(text)
	if err != nil {
		d.syntaxFault(err)
		return nil, false
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case root != nil:
			d.fault("", doc.Body, "keep one document in the file", "a second document begins here")
			return nil, false
		default:
			root = doc.Body
		}
	}
	if root == nil {
		root = ast.Null(nil)
	}
	ast.Walk(anchors(d.anchors), root)
	return root, true
}

// parse calls the YAML parser and returns an error if it panics, as it does on some
// damaged input: a reload must not end a running gateway.
func parse(text []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("invalid YAML")
		}
	}()
	return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
}

// syntaxFault adds a fault for the parser's error. The parser stops at the first one.
func (d *decoder) syntaxFault(err error) {
	p, msg := position{1, 1, 1}, err.Error()
	var at yaml.Error
	if errors.As(err, &at) {
		msg = at.GetMessage()
		if t := at.GetToken(); t != nil && t.Position != nil {
			p = position{t.Position.Line, t.Position.Column, 1}
		}
	}
	hint := ""
	if p.line <= len(d.lines) && len(d.lines[max(p.line, 1)-1]) > 0 && d.lines[max(p.line, 1)-1][0] == '\t' {
		hint = "YAML is indented with blanks, never with tabs"
	}
	d.faults = append(d.faults, d.faultAt(p, "", hint, msg))
}

// anchors collects the values that aliases may refer to.
type anchors map[string]ast.Node

// Visit implements ast.Visitor.
func (a anchors) Visit(n ast.Node) ast.Visitor {
	if x, ok := n.(*ast.AnchorNode); ok && x.Name != nil && x.Value != nil {
		a[x.Name.GetToken().Value] = x.Value
	}
	return a
}
