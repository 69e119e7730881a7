package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeToolConfig writes the choice of functions. Where Google runs tools beside functions, it
// asks to be told so.
func (r *request) writeToolConfig() error {
	if r.functions == 0 {
		return nil
	}
	if r.in.ForbidsParallelCalls() {
		r.Drop("parallel_tool_calls")
	}
	mode, name := r.toolChoice()
	if mode == "" && r.others == 0 {
		return nil
	}
	r.Name("toolConfig")
	r.Open('{')
	if mode != "" {
		r.Name("functionCallingConfig")
		r.Open('{')
		r.MemberText("mode", []byte(mode))
		if name != nil {
			r.Name("allowedFunctionNames")
			r.Open('[')
			r.Text(r.Context.ProviderName(name))
			r.Close(']')
		}
		r.Close('}')
	}
	if r.others > 0 {
		r.MemberLiteral("includeServerSideToolInvocations", "true")
	}
	r.Close('}')
	return nil
}

// toolChoice is Gemini's word for the request's choice, empty when it makes none, with the
// function that must be called.
func (r *request) toolChoice() (mode string, name []byte) {
	choice, name := r.in.ToolChoice()
	switch choice {
	case canonical.ChooseNone:
		return "NONE", nil
	case canonical.ChooseAny:
		return "ANY", nil
	case canonical.ChooseOne, canonical.ChooseCustom:
		return "ANY", name
	}
	switch {
	case r.strict && r.model.validates():
		return "VALIDATED", nil
	case choice == canonical.ChooseAuto:
		return "AUTO", nil
	}
	return "", nil
}

// mayCall reports whether the model may call a function.
func (r *request) mayCall() bool {
	choice, _ := r.in.ToolChoice()
	return r.functions > 0 && choice != canonical.ChooseNone
}
