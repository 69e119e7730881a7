package config

import (
	"net/url"
	"os"
	"strconv"
	"strings"
)

// DecisionLog is where every admission decision and the request's outcome are written.
type DecisionLog struct {
	// File is where lines of JSON are appended: a file, or stderr. A file that is renamed, as
	// by logrotate, is opened anew.
	File string `yaml:"file" jsonschema:"minLength=1"`
	// MaxSize is the size from which the file is renamed to FILE.1, such as 100MiB, and the older
	// ones to FILE.2 and so on. Left out, it grows.
	MaxSize Bytes `yaml:"max_size"`
	// Keep is how many renamed files are kept; 5 when left out.
	Keep int `yaml:"keep" jsonschema:"minimum=0,maximum=1000"`
	// OTLP is the address of an OpenTelemetry receiver that gets the lines as log records, over
	// HTTP: https://HOST:4318. The path /v1/logs is added.
	OTLP string `yaml:"otlp" jsonschema:"minLength=1"`
	// Headers are sent to the OpenTelemetry receiver. Values may be env:NAME or file:PATH; those
	// of headers that carry credentials must be.
	Headers map[string]Secret `yaml:"headers"`
	// Mask are parts that are not written, by their JSON pointer, such as
	// /input/request/tags/email. The address and the metadata of requests never are.
	Mask []Mask `yaml:"mask"`
	// Queue is how many lines may wait for the file, and for the receiver; further ones are
	// dropped and counted.
	Queue int `yaml:"queue" jsonschema:"minimum=1,maximum=1000000"`
}

// Mask is a part of the decision log that is erased or replaced.
type Mask struct {
	// Path is a JSON pointer into /input, /result or /custom.
	Path string `yaml:"path" jsonschema:"required,minLength=1"`
	// Replace is written in place of it; left out, it is erased.
	Replace *string `yaml:"replace"`
}

// IsZero reports whether there is no decision log.
func (l *DecisionLog) IsZero() bool { return l.File == "" && l.OTLP == "" }

// maxDecisionQueue bounds DecisionLog.Queue.
const maxDecisionQueue = 1_000_000

func (d *decoder) checkDecisionLog(l *DecisionLog) {
	_, given := d.at["decision_log"]
	if given && l.IsZero() {
		d.fault("decision_log", nil, "set file, or otlp, or leave it out", "goes nowhere: it has neither a file nor an OpenTelemetry receiver")
	}
	if l.File != "" && l.File != Stderr {
		l.File = inDir(d.dir, l.File)
		if info, err := os.Stat(l.File); err == nil && info.IsDir() {
			d.fault(d.written("decision_log", "file"), nil, "name a file in it, or write stderr", "%s is a folder", l.File)
		}
	}
	if _, given := d.at["decision_log.max_size"]; given && (l.MaxSize < 1<<10 || l.File == "" || l.File == Stderr) {
		d.fault("decision_log.max_size", nil, "leave it out to let the file grow", "must be at least 1KiB, and goes with a file")
	}
	if l.Keep < 0 || l.Keep > 1000 {
		d.fault("decision_log.keep", nil, "", "must be between 0 and 1000, not %d", l.Keep)
	}
	if l.Queue < 1 || l.Queue > maxDecisionQueue {
		d.fault("decision_log.queue", nil, "leave it out for the default", "must be between 1 and %d, not %d", maxDecisionQueue, l.Queue)
	}
	d.checkReceiver(l)
	d.checkMasks(l.Mask)
}

func (d *decoder) checkReceiver(l *DecisionLog) {
	if l.OTLP == "" {
		if len(l.Headers) > 0 {
			d.fault("decision_log.headers", nil, "set otlp, or remove them", "are sent to an OpenTelemetry receiver, and there is none")
		}
		return
	}
	u, err := url.Parse(l.OTLP)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.fault("decision_log.otlp", nil, "write https://HOST:4318", "must be an http or https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.fault("decision_log.otlp", nil, "credentials belong in headers", "must have no user, query or fragment")
	}
}

// maskRoots are the parts of a line that masks may be in.
func maskRoots() []string { return []string{"/input/", "/result/", "/custom/"} }

func (d *decoder) checkMasks(masks []Mask) {
	for i, m := range masks {
		at := "decision_log.mask[" + strconv.Itoa(i) + "].path"
		rooted := false
		for _, root := range maskRoots() {
			rooted = rooted || strings.HasPrefix(m.Path+"/", root)
		}
		if !rooted && m.Path != "" {
			d.fault(at, nil, "write a JSON pointer such as /input/request/tags/email", "%q is not in /input, /result or /custom", m.Path)
		}
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(m.Path); strings.Contains(rest, "~") {
			d.fault(at, nil, "write ~0 for a tilde in a name, ~1 for a slash", "%q is no JSON pointer", m.Path)
		}
	}
}
