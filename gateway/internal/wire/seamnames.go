package wire

// namesJoint is where a streamed reply broke off in a format whose events are replies of
// their own, and only have the same names.
type namesJoint struct {
	members []string
	names   object
}

// open implements joint.
func (j *namesJoint) open(_ []object, last object, _ []object) error {
	j.names = last
	return nil
}

// join implements joint.
func (j *namesJoint) join(name string, event object) ([]seamEvent, error) {
	for _, member := range j.members {
		if v := j.names[member]; v != nil && event[member] != nil {
			event[member] = v
		}
	}
	return []seamEvent{{name, event}}, nil
}
