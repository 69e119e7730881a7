package wire

// geminiJoint is where a streamed reply of Google's broke off. Each of its events is a reply
// of its own, and only their names are those of one.
type geminiJoint struct{ id, model any }

// open implements joint.
func (j *geminiJoint) open(_ []object, last object, _ []object) error {
	j.id, j.model = last["responseId"], last["modelVersion"]
	return nil
}

// join implements joint.
func (j *geminiJoint) join(name string, event object) ([]seamEvent, error) {
	for member, v := range map[string]any{"responseId": j.id, "modelVersion": j.model} {
		if _, had := event[member]; had && v != nil {
			event[member] = v
		}
	}
	return []seamEvent{{name, event}}, nil
}
