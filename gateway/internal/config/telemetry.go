package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// Telemetry is where traces go. Metrics are at /metrics of the admin listener in any case.
type Telemetry struct {
	// OTLP is the address that traces are sent to by OTLP over HTTP, such as
	// http://otel-collector:4318/v1/traces. Without a path it is /v1/traces. Left out, there are
	// no traces.
	OTLP string `yaml:"otlp"`
	// Headers are added to what is sent there, such as authorization: env:OTLP_TOKEN.
	Headers map[string]Secret `yaml:"headers"`
	// Sample is the share of requests that are traced, such as 10% or 0.1, of those that come
	// without a trace. A caller who sends traceparent decides by its sampled flag.
	Sample Share `yaml:"sample"`
	// Content on puts the texts that the policy has recorded (its obligation log: full or
	// redacted) into the spans as well; off never does.
	Content Switch `yaml:"content"`
	// Propagate on sends traceparent and tracestate to providers, off does not.
	Propagate Switch `yaml:"propagate"`
	// Service is the service.name of the spans.
	Service string `yaml:"service" jsonschema:"minLength=1"`
}

// Log is what the gateway writes to standard error.
type Log struct {
	// Format is text or json.
	Format LogFormat `yaml:"format"`
	// Level is the least of what is written: debug, info, warn or error. A reload applies it.
	Level LogLevel `yaml:"level"`
	// Access on writes a line about every request, refused ones too, without its texts; off none.
	Access Switch `yaml:"access"`
}

// Webhook is an address that is told of events.
type Webhook struct {
	// URL gets a POST for each event. It must be https, or on this machine.
	URL string `yaml:"url" jsonschema:"required"`
	// Secret signs what is sent, of 16 bytes or more, such as from openssl rand -hex 32.
	Secret Secret `yaml:"secret" jsonschema:"required"`
	// Events are those that it is told of: budget.threshold, circuit.changed, plugin.disabled and
	// reload.refused; all of them when left out.
	Events []Event `yaml:"events"`
	// Thresholds are the percentages of a limit that budget.threshold is about; 80 and 100 when
	// left out.
	Thresholds []int `yaml:"thresholds"`
	// AllowPrivate permits an address on a private network.
	AllowPrivate bool `yaml:"allow_private"`
}

// Switch is on or off.
type Switch string

// The positions of a switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

func (s *Switch) set(text string) error { return choose(s, text, On, Off) }

// LogFormat is how lines of the log are written.
type LogFormat string

// The formats of the log.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

func (f *LogFormat) set(s string) error { return choose(f, s, LogText, LogJSON) }

// LogLevel is the least of what is logged.
type LogLevel string

// The levels of the log.
const (
	LogDebug LogLevel = "debug"
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"
)

func (l *LogLevel) set(s string) error { return choose(l, s, LogDebug, LogInfo, LogWarn, LogError) }

// Event is something that webhooks are told of.
type Event string

// The events.
const (
	EventBudget  Event = "budget.threshold"
	EventCircuit Event = "circuit.changed"
	EventPlugin  Event = "plugin.disabled"
	EventReload  Event = "reload.refused"
)

// events lists them.
func events() []Event { return []Event{EventBudget, EventCircuit, EventPlugin, EventReload} }

func (e *Event) set(s string) error { return choose(e, s, events()...) }

func (d *decoder) checkTelemetry(t *Telemetry) {
	if t.OTLP == "" {
		if len(t.Headers) > 0 {
			d.fault("telemetry.headers", nil, "set telemetry.otlp, or remove it", "belongs to traces, and there are none")
		}
		return
	}
	u, err := url.Parse(t.OTLP)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.fault("telemetry.otlp", nil, "write http://HOST:4318/v1/traces", "must be an http or https address")
		return
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.fault("telemetry.otlp", nil, "credentials belong in telemetry.headers", "must have no user, query or fragment")
		return
	case isMetadataHost(u.Hostname()):
		d.fault("telemetry.otlp", nil, "", "%s is a cloud's own service", u.Hostname())
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	t.OTLP = u.String()
}

// maxWebhooks and maxThresholds bound what one event may lead to.
const (
	maxWebhooks   = 16
	maxThresholds = 10
)

func (d *decoder) checkWebhooks(hooks []Webhook) {
	if len(hooks) > maxWebhooks {
		d.fault("webhooks", nil, "", "has %d addresses; at most %d are allowed", len(hooks), maxWebhooks)
	}
	for i := range hooks {
		d.checkWebhook(fmt.Sprintf("webhooks[%d]", i), &hooks[i])
	}
}

func (d *decoder) checkWebhook(path string, w *Webhook) {
	u, err := url.Parse(w.URL)
	switch at := path + ".url"; {
	case w.URL == "": // which is a fault already
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.fault(at, nil, "write https://HOST/PATH", "must be an https address")
	case u.User != nil || u.Fragment != "":
		d.fault(at, nil, "the receiver knows the gateway by its signature", "must have no user and no fragment")
	case isMetadataHost(u.Hostname()):
		d.fault(at, nil, "", "%s is a cloud's own service", u.Hostname())
	case w.onLoopback():
	case u.Scheme != "https":
		d.fault(at, nil, "write https://", "only an address on this machine may be http")
	case isPrivateHost(u.Hostname()) && !w.AllowPrivate:
		d.fault(at, nil, "set allow_private: true if this is intended", "%s is on a private network", u.Hostname())
	}
	if n := len(w.Secret.Reveal()); d.getenv != nil && !w.Secret.IsZero() && n < minCacheSecret {
		d.fault(path+".secret", nil, "give one of 16 bytes or more, such as from openssl rand -hex 32, as env:NAME", "is too short to sign with")
	}
	if w.Thresholds == nil {
		w.Thresholds = []int{80, 100}
	}
	if len(w.Thresholds) > maxThresholds {
		d.fault(path+".thresholds", nil, "", "has %d of them; at most %d are allowed", len(w.Thresholds), maxThresholds)
	}
	for _, t := range w.Thresholds {
		if t < 1 || t > 1000 {
			d.fault(path+".thresholds", nil, "write percentages, such as [80, 100]", "%d is not between 1 and 1000", t)
		}
	}
	slices.Sort(w.Thresholds)
	w.Thresholds = slices.Compact(w.Thresholds)
	if len(w.Events) == 0 {
		w.Events = events()
	}
}

// onLoopback reports whether the address names this machine.
func (w *Webhook) onLoopback() bool {
	u, err := url.Parse(w.URL)
	return err == nil && IsLoopback(u.Hostname()+":0") || err == nil && u.Hostname() == "::1"
}

// Wants reports whether it is told of a kind of event.
func (w *Webhook) Wants(kind Event) bool { return slices.Contains(w.Events, kind) }

// Private reports whether its address may be one that is not public.
func (w *Webhook) Private() bool { return w.AllowPrivate || w.onLoopback() }

// isMetadataHost reports whether a host is the address of a cloud's own service.
func isMetadataHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && publicaddr.IsMetadata(a)
}
