package dialects

import "bytes"

// writeSampling writes temperature, top_p and top_k as far as the model takes them
// together with what else was asked.
func (r *request) writeSampling() error {
	thinking := r.thinks()
	warm := !r.said.temperature.Null()
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
func (r *request) sampling(name string, v value, refused func(float64) bool) error {
	if v.Null() {
		return nil
	}
	x, ok := v.Number()
	if !ok {
		return reject(name, "must be a number")
	}
	mark := len(r.b)
	r.name(name)
	start := len(r.b)
	r.value(v)
	switch {
	case !r.family.samples() || refused(x):
		r.b = r.b[:mark]
		if x != 1 || name != "temperature" { // 1 is the default
			r.drop(name)
		}
	case name == "temperature" && (x > 1 || x < 0):
		r.b = append(r.b[:start], '0'+byte(min(max(x, 0), 1)))
		r.drop(name)
	}
	return nil
}

// writeStop writes the stop sequences, without those of white space alone, which
// Anthropic refuses.
func (r *request) writeStop() error {
	mark := len(r.b)
	r.name("stop_sequences")
	r.open('[')
	written, given := 0, 0
	add := func(v value) bool {
		if len(inside(v)) > 0 {
			given++
		}
		if len(trimRaw(inside(v))) > 0 {
			r.value(v)
			written++
		}
		return true
	}
	r.said.stop.Items(add)
	add(r.said.stop)
	r.close(']')
	if written == 0 {
		r.b = r.b[:mark]
	}
	if written < given {
		r.drop("stop")
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
	tier := text(r.said.serviceTier)
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
		id  value
	}{{"safety_identifier", r.said.safetyID}, {"user", r.said.user}, {"metadata", r.said.metadata.Member("user_id")}} {
		id := text(named.id)
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
