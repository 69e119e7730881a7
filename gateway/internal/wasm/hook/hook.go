// Package hook is the contract between the gateway and its plugins (sdk/ABI.md) in the words
// of llm: which hooks there are, what each is given and what it may answer. It makes inputs
// and reads answers; it runs nothing and knows no WebAssembly.
package hook

// Hook is a function that the host calls in a module.
type Hook uint8

// The hooks of the contract.
const (
	// RouteFlat ranks candidates given as binary records.
	RouteFlat Hook = iota
	// Route ranks candidates given as JSON.
	Route
	// TransformRequest makes a provider's request of a canonical one.
	TransformRequest
	// NormaliseResponse makes a canonical reply or error of a provider's reply.
	NormaliseResponse
	// NormaliseEvent makes canonical chunks of one event of a provider's stream.
	NormaliseEvent
	// AcceptRequest makes a canonical request of a caller's in another wire format.
	AcceptRequest
	// RenderResponse makes the caller's reply of a canonical one or of an error.
	RenderResponse
	// RenderEvent makes the caller's bytes of one canonical chunk.
	RenderEvent

	Count
)

var hookNames = [Count]string{
	"penstock_route_flat",
	"penstock_route",
	"penstock_transform_request",
	"penstock_normalise_response",
	"penstock_normalise_event",
	"penstock_accept_request",
	"penstock_render_response",
	"penstock_render_event",
}

// String is the name of the export.
func (h Hook) String() string { return hookNames[h] }

// Streams reports whether the hook is called once for every event of a stream.
func (h Hook) Streams() bool { return h == NormaliseEvent || h == RenderEvent }

// The bounds of results, in bytes.
const (
	maxResult  = 32 << 20
	MaxRanking = 256 << 10
)

// MaxOutput bounds a result, in bytes: a ranking is short, and reading it is work
// that no fuel pays for.
func (h Hook) MaxOutput() uint32 {
	if h == RouteFlat || h == Route {
		return MaxRanking
	}
	return maxResult
}

// The other names of the contract.
const (
	Prefix           = "penstock_" // of hooks
	ExportMemory     = "memory"
	ExportVersion    = "penstock_abi_version"
	ExportAlloc      = "penstock_alloc"
	ExportInit       = "penstock_init"
	ExportDescribe   = "penstock_describe"
	ExportInitialize = "_initialize"
	ExportStart      = "_start"

	ABIMajor = 1
)
