package anthropic

// serviceTier is the tier that a reply was served in; the zero value is an unknown one. Fast
// mode sets the price whatever the tier is, so it comes last.
type serviceTier uint8

const (
	_ serviceTier = iota
	standardTier
	batchTier
	priorityTier
	fastMode
)

// tierOf reads service_tier or speed.
func tierOf(word []byte) serviceTier {
	switch string(word) {
	case "standard":
		return standardTier
	case "batch":
		return batchTier
	case "priority":
		return priorityTier
	case "fast":
		return fastMode
	}
	return 0
}

// String returns the tier in OpenAI's words; empty for an unknown one.
func (t serviceTier) String() string {
	return [...]string{"", "default", "batch", "priority", "fast"}[min(t, fastMode)]
}
