package anthropic

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeSampling writes temperature, top_p and top_k as far as the model takes them together
// with what else was asked.
func (r *request) writeSampling() error {
	thinking := r.thinks()
	hasTemperature := !r.in.Temperature.Null()
	if err := r.sampling("temperature", r.in.Temperature, func(x float64) bool { return thinking && x != 1 }); err != nil {
		return err
	}
	err := r.sampling("top_p", r.in.TopP, func(x float64) bool {
		return thinking && x < 0.95 || !thinking && hasTemperature && r.model.samplesOneWay()
	})
	if err != nil {
		return err
	}
	return r.sampling("top_k", r.in.TopK, func(float64) bool { return thinking })
}

// sampling writes a number unless the model, or the request's other choices, refuse it.
// OpenAI's temperature goes up to 2, Anthropic's to 1.
func (r *request) sampling(name string, v canonical.Value, refused func(float64) bool) error {
	if v.Null() {
		return nil
	}
	x, ok := v.Number()
	if !ok {
		return canonical.Reject(name, "must be a number")
	}
	mark := len(r.B)
	r.Name(name)
	start := len(r.B)
	r.Value(v)
	switch {
	case !r.model.samples() || refused(x):
		r.B = r.B[:mark]
		if x != 1 || name != "temperature" { // 1 is the default
			r.Drop(name)
		}
	case name == "temperature" && (x > 1 || x < 0):
		r.B = append(r.B[:start], '0'+byte(min(max(x, 0), 1)))
		r.Drop(name)
	}
	return nil
}

// writeStop writes the stop sequences, without those of white space alone, which Anthropic
// refuses.
func (r *request) writeStop() error {
	mark := len(r.B)
	r.Name("stop_sequences")
	r.Open('[')
	written, given := 0, 0
	add := func(v canonical.Value) bool {
		if len(canonical.Inside(v)) > 0 {
			given++
		}
		if !canonical.Blank(canonical.Inside(v)) {
			r.Value(v)
			written++
		}
		return true
	}
	r.in.Stop.Items(add)
	add(r.in.Stop)
	r.Close(']')
	if written == 0 {
		r.B = r.B[:mark]
	}
	if written < given {
		r.Drop("stop")
	}
	return nil
}

// writeIdentity writes metadata.user_id and service_tier.
func (r *request) writeIdentity() error {
	if id := r.userID(); id != nil {
		r.Name("metadata")
		r.Open('{')
		r.MemberText("user_id", id)
		r.Close('}')
	}
	switch string(canonical.Text(r.in.ServiceTier)) {
	case "auto", "priority", "fast":
		r.MemberLiteral("service_tier", `"auto"`)
	case "default", "standard_only":
		r.MemberLiteral("service_tier", `"standard_only"`)
	case "":
	default:
		r.Drop("service_tier")
	}
	return nil
}

// maxUserID is Anthropic's bound on metadata.user_id, in bytes.
const maxUserID = 256

// userID is the caller's name for its user. Anthropic wants an opaque one, so a mail address
// is left out.
func (r *request) userID() []byte {
	for _, named := range [...]struct {
		key string
		id  canonical.Value
	}{{"safety_identifier", r.in.SafetyIdentifier}, {"user", r.in.User}, {"metadata", r.in.Metadata.Member("user_id")}} {
		id := canonical.Text(named.id)
		if len(id) == 0 {
			continue
		}
		if len(id) <= maxUserID && bytes.IndexByte(id, '@') < 0 {
			return id
		}
		r.Drop(named.key)
	}
	return nil
}
