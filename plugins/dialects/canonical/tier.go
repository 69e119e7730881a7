package canonical

// Tier is the service tier that a reply was served in; the zero value is an unknown one. It is
// a number, since it is part of what streams have to remember.
type Tier uint8

// The tiers. Fast is a mode that sets the price whatever the tier is, so it is the highest.
const (
	_ Tier = iota
	Standard
	Batch
	Flex
	Scale
	Priority
	Fast
)

// tierNames are OpenAI's words.
var tierNames = [...]string{"", "default", "batch", "flex", "scale", "priority", "fast"}

// TierOf reads a provider's word for a tier.
func TierOf(word []byte) Tier {
	switch string(word) {
	case "standard", "ON_DEMAND":
		return Standard
	case "ON_DEMAND_FLEX":
		return Flex
	case "ON_DEMAND_PRIORITY":
		return Priority
	}
	for i := Fast; i > 0; i-- {
		if tierNames[i] == string(word) {
			return i
		}
	}
	return 0
}

// String returns the tier in OpenAI's words; empty for an unknown one.
func (t Tier) String() string { return tierNames[min(t, Fast)] }
