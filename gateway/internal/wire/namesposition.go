package wire

// namesPosition is where a streamed reply broke off in a format whose events are replies of
// their own, and only have the same names.
type namesPosition struct {
	members []string
	names   object
}

// read implements position.
func (j *namesPosition) read(_ []object, last object, _ []object) error {
	j.names = last
	return nil
}

// renumber implements position.
func (j *namesPosition) renumber(name string, event object) ([]outEvent, error) {
	for _, member := range j.members {
		if v := j.names[member]; v != nil && event[member] != nil {
			event[member] = v
		}
	}
	return []outEvent{{name, event}}, nil
}
