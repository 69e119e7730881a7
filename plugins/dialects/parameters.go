package main

import (
	"bytes"

	"github.com/valyala/fastjson"
)

// writeSampling writes temperature, top_p and top_k as far as the model takes them
// together with what else was asked.
func (r *request) writeSampling() error {
	thinking := r.thinks()
	warm := !missing(r.said.temperature)
	if err := r.sampling("temperature", r.said.temperature, func(x float64) bool { return thinking && x != 1 }); err != nil {
		return err
	}
	err := r.sampling("top_p", r.said.topP, func(x float64) bool {
		return thinking && x < 0.95 || !thinking && warm && r.family.samplesOneWay()
	})
	if err != nil {
		return err
	}
	return r.sampling("top_k", r.said.topK, func(float64) bool { return thinking })
}

// sampling writes a number unless the model, or the request's other choices, refuse
// it. OpenAI's temperature goes up to 2, Anthropic's to 1.
func (r *request) sampling(name string, v *fastjson.Value, refused func(float64) bool) error {
	if missing(v) {
		return nil
	}
	mark := len(r.b)
	r.name(name)
	start := len(r.b)
	r.value(v)
	if c := r.b[start]; c != '-' && (c < '0' || c > '9') {
		return reject(name, "must be a number")
	}
	x := v.GetFloat64()
	switch {
	case !r.family.samples() || refused(x):
		r.b = r.b[:mark]
		if x != 1 || name != "temperature" { // 1 is the default
			r.drop(name)
		}
	case name == "temperature" && (x > 1 || x < 0):
		r.b = append(r.b[:start], '0'+byte(min(max(x, 0), 1)))
	}
	return nil
}

// writeStop writes the stop sequences, without those of white space alone, which
// Anthropic refuses.
func (r *request) writeStop() error {
	stop := r.said.stop
	sequences := stop.GetArray()
	if raw, ok := rawString(r.raw[:0], stop); ok {
		r.raw = raw
		sequences = []*fastjson.Value{stop}
	}
	mark := len(r.b)
	r.name("stop_sequences")
	r.open('[')
	written := 0
	for _, s := range sequences {
		raw, ok := rawString(r.raw[:0], s)
		r.raw = raw
		if ok && len(trimRaw(raw)) > 0 {
			r.value(s)
			written++
		}
	}
	r.close(']')
	if written == 0 {
		r.b = r.b[:mark]
	}
	return nil
}

// writeIdentity writes metadata.user_id and service_tier.
func (r *request) writeIdentity() error {
	if id := r.userID(); id != nil {
		r.name("metadata")
		r.open('{')
		r.memberText("user_id", id)
		r.close('}')
	}
	tier := r.said.serviceTier.GetStringBytes()
	switch string(tier) {
	case "auto", "priority", "fast":
		r.memberLiteral("service_tier", `"auto"`)
	case "default", "standard_only":
		r.memberLiteral("service_tier", `"standard_only"`)
	case "":
	default:
		r.drop("service_tier")
	}
	return nil
}

// maxUserID is Anthropic's bound on metadata.user_id, in bytes.
const maxUserID = 256

// userID is the caller's own name for its user. Anthropic wants an opaque one, so
// a mail address is left out.
func (r *request) userID() []byte {
	for _, named := range [...]struct {
		key string
		id  *fastjson.Value
	}{{"safety_identifier", r.said.safetyID}, {"user", r.said.user}, {"metadata", r.said.metadata.Get("user_id")}} {
		id := named.id.GetStringBytes()
		if len(id) == 0 {
			continue
		}
		if len(id) <= maxUserID && bytes.IndexByte(id, '@') < 0 {
			return id
		}
		r.drop(named.key)
	}
	return nil
}
