package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// functionChoice is functionCallingConfig.
type functionChoice struct {
	// mode is empty when there is none, and as it was sent when it is not one of Google's.
	mode    string
	allowed canonical.Value
}

// choiceModes are the modes in the order of their numbers, which older clients send.
var choiceModes = [...]string{"", "AUTO", "ANY", "NONE", "VALIDATED"}

// choice reads which functions the model may call.
func (a *accepted) choice() (c functionChoice) {
	for key, v := range a.in.toolConfig.Members {
		if string(camel(key)) != "functionCallingConfig" {
			continue
		}
		for key, v := range v.Members {
			switch string(camel(key)) {
			case "mode":
				c.mode = modeOf(v)
			case "allowedFunctionNames":
				c.allowed = v
			}
		}
	}
	return c
}

func modeOf(v canonical.Value) string {
	word := string(bytes.ToUpper(canonical.Text(v)))
	n, whole := v.Whole()
	switch {
	case v.Null() || word == "MODE_UNSPECIFIED":
		return ""
	case v.Kind() == '"' && word != "":
		return word
	case whole && n >= 0 && n < int64(len(choiceModes)):
		return choiceModes[n]
	}
	return string(v)
}

// writeToolChoice writes tool_choice. Without functions there is nothing to choose.
func (a *accepted) writeToolChoice() error {
	const at = "toolConfig.functionCallingConfig"
	if !a.in.toolConfig.Null() && a.in.toolConfig.Kind() != '{' {
		return canonical.Reject("toolConfig", "must be an object")
	}
	for key, v := range a.in.toolConfig.Members {
		switch name := string(camel(key)); name {
		case "functionCallingConfig", "includeServerSideToolInvocations": // the latter says what tools say
		default:
			if !v.Null() {
				a.lose("toolConfig."+name, v)
			}
		}
	}
	c := a.choice()
	word := ""
	switch c.mode {
	case "":
	case "AUTO", "VALIDATED":
		word = `"auto"`
	case "ANY":
		word = `"required"`
	case "NONE":
		word = `"none"`
	default:
		return canonical.Reject(at+".mode", "must be AUTO, ANY, NONE or VALIDATED")
	}
	names, err := a.allowedNames(c.allowed, at+".allowedFunctionNames")
	switch {
	case err != nil:
		return err
	case a.functions == 0 || word == "" && len(names) == 0:
		return nil
	case len(names) == 0 || c.mode == "NONE":
		a.MemberLiteral("tool_choice", word)
		return nil
	case len(names) == 1 && c.mode == "ANY":
		a.Name("tool_choice")
		a.writeChosen(names[0])
		return nil
	}
	a.Name("tool_choice")
	a.Raw(`{"type":"allowed_tools","allowed_tools":{"mode":`)
	if c.mode == "ANY" {
		a.Raw(word)
	} else {
		a.Raw(`"auto"`)
	}
	a.Name("tools")
	a.Open('[')
	for _, name := range names {
		a.writeChosen(name)
	}
	a.Raw("]}}")
	return nil
}

func (a *accepted) writeChosen(name canonical.Value) {
	a.Literal(`{"type":"function","function":{"name":`)
	a.Value(canonical.ShortName(name))
	a.Raw("}}")
}

// allowedNames are the functions that the model is held to, each of which must be declared.
func (a *accepted) allowedNames(list canonical.Value, at string) (names []canonical.Value, err error) {
	if !list.Null() && list.Kind() != '[' {
		return nil, canonical.Reject(at, "must be an array of strings")
	}
	i := 0
	for v := range list.Items {
		if v.Kind() != '"' {
			return nil, canonical.Reject(canonical.At(at, i), "must be a string")
		}
		if !a.declares(canonical.Text(v)) {
			return nil, canonical.Reject(canonical.At(at, i), "names no function that is declared in tools")
		}
		names = append(names, v)
		i++
	}
	return names, nil
}

func (a *accepted) declares(name []byte) bool {
	for tool := range elements(a.in.tools) {
		for key, v := range tool.Members {
			if string(camel(key)) != "functionDeclarations" {
				continue
			}
			for f := range elements(v) {
				if bytes.Equal(canonical.Text(f.Member("name")), name) {
					return true
				}
			}
		}
	}
	return false
}
