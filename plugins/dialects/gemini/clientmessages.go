package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeConversation writes the system's instruction and the contents as messages.
func (a *accepted) writeConversation() error {
	a.Name("messages")
	a.Open('[')
	if err := a.writeInstruction(); err != nil {
		return err
	}
	var run []canonical.Value // contents of the user's in a row
	a.content = 0
	for content := range elements(a.in.contents) {
		model, err := a.isModel(content)
		switch {
		case err != nil:
			return err
		case !model:
			if len(run) == 0 {
				a.endTurn()
			}
			run = append(run, content)
		default:
			if err := a.writeRun(run); err != nil {
				return err
			}
			run = run[:0]
			if err := a.readModel(content); err != nil {
				return err
			}
		}
		a.content++
	}
	if a.content == 0 {
		return canonical.Reject("contents", "must have at least one content")
	}
	if len(run) == 0 {
		a.endTurn()
	}
	if err := a.writeRun(run); err != nil {
		return err
	}
	a.Close(']')
	return a.wantResults()
}

// isModel reports whether a content is the model's.
func (a *accepted) isModel(content canonical.Value) (bool, error) {
	if content.Kind() != '{' {
		return false, canonical.Reject(canonical.At("contents", a.content), "must be an object")
	}
	role := content.Member("role")
	switch string(canonical.Text(role)) {
	case "model":
		return true, nil
	case "user", "function", "tool":
		return false, nil
	case "":
		if role.Null() || role.Kind() == '"' {
			return false, nil
		}
	}
	return false, canonical.Reject(canonical.At("contents", a.content)+".role", "must be user or model; what the system says belongs in systemInstruction")
}

// writeInstruction writes the system's instruction, which is text alone.
func (a *accepted) writeInstruction() error {
	v := a.in.system
	if v.Null() || v.Kind() == '"' && len(canonical.Inside(v)) == 0 {
		return nil
	}
	if v.Kind() == '"' {
		a.writeText("system", v)
		return nil
	}
	if v.Kind() != '{' {
		return canonical.Reject("systemInstruction", "must be a content or a string")
	}
	var texts []canonical.Value
	k := 0
	for part := range elements(v.Member("parts")) {
		text := part.Member("text")
		if part.Kind() != '{' || text.Kind() != '"' {
			return canonical.Reject(canonical.At("systemInstruction.parts", k), "must be a text")
		}
		texts = append(texts, text)
		k++
	}
	switch len(texts) {
	case 0:
	case 1:
		a.writeText("system", texts[0])
	default:
		a.Literal(`{"role":"system","content":[`)
		for _, text := range texts {
			a.writeTextOf(canonical.Inside(text))
		}
		a.Raw("]}")
	}
	return nil
}

func (a *accepted) writeText(role string, text canonical.Value) {
	a.Open('{')
	a.MemberText("role", []byte(role))
	a.MemberValue("content", text)
	a.Close('}')
}

// writeTextOf writes a part with a text, given as the inside of a JSON string.
func (a *accepted) writeTextOf(raw []byte) {
	a.Literal(`{"type":"text","text":`)
	a.Quoted(raw)
	a.Close('}')
}

// writeRun writes contents of the user's in a row. What functions returned comes first,
// wherever it stands in them: right behind the calls.
func (a *accepted) writeRun(run []canonical.Value) error {
	if len(run) == 0 {
		return nil
	}
	first := a.content - len(run)
	defer func() { a.content = first + len(run) }()
	for i, content := range run {
		a.content = first + i
		if err := a.readResults(content); err != nil {
			return err
		}
	}
	if err := a.writeResults(); err != nil {
		return err
	}
	for i, content := range run {
		a.content = first + i
		if err := a.writeUser(content); err != nil {
			return err
		}
	}
	return nil
}

// writeUser writes what a content says beside results. A text alone is written as one: services
// that imitate OpenAI may take nothing else.
func (a *accepted) writeUser(content canonical.Value) error {
	parts, results := 0, 0
	var only canonical.Value
	a.part = 0
	for v := range elements(content.Member("parts")) {
		p, err := a.readClientPart(v)
		switch {
		case err != nil:
			return err
		case !p.result.Null():
			results++
		default:
			parts++
			only = p.text
		}
		a.part++
	}
	switch {
	case parts == 0 && results == 0:
		return canonical.Reject(canonical.At("contents", a.content)+".parts", "must have at least one part")
	case parts == 0:
		return nil
	case parts == 1 && !only.Null():
		a.writeText("user", only)
		return nil
	}
	a.Literal(`{"role":"user","content":[`)
	a.part = 0
	for v := range elements(content.Member("parts")) {
		p, _ := a.readClientPart(v)
		if p.result.Null() {
			if err := a.writeUserPart(&p); err != nil {
				return err
			}
		}
		a.part++
	}
	a.Raw("]}")
	return nil
}

// writeUserPart writes a text or a medium.
func (a *accepted) writeUserPart(p *clientPart) error {
	switch {
	case !p.text.Null():
		a.writeTextOf(canonical.Inside(p.text))
		return nil
	case !p.inline.Null() || !p.file.Null():
		return a.writeClientMedium(&a.Writer, p, a.partPath(""))
	}
	return canonical.Reject(a.partPath(p.kind()), "belongs in a content whose role is model")
}
