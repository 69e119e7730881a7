// Package hook is the contract between the gateway and its plugins (sdk/ABI.md) in the words
// of llm: which hooks there are, what each is given and what it may return. It writes inputs
// and reads results; it runs nothing and knows nothing of WebAssembly.
package hook

// Hook is a function that the host calls in a module.
type Hook uint8

// The hooks of the contract.
const (
	// RouteFlat ranks candidates given as binary records.
	RouteFlat Hook = iota
	// Route ranks candidates given as JSON.
	Route
	// TransformRequest turns a canonical request into a provider's.
	TransformRequest
	// NormalizeResponse turns a provider's reply into a canonical reply or error.
	NormalizeResponse
	// NormalizeEvent turns one event of a provider's stream into canonical chunks.
	NormalizeEvent
	// AcceptRequest turns a caller's request in another wire format into a canonical one.
	AcceptRequest
	// RenderResponse turns a canonical reply or error into the caller's wire format.
	RenderResponse
	// RenderEvent turns one canonical chunk into the caller's wire format.
	RenderEvent

	// Count is the number of hooks.
	Count
)

var exports = [Count]string{
	"penstock_route_flat",
	"penstock_route",
	"penstock_transform_request",
	"penstock_normalise_response",
	"penstock_normalise_event",
	"penstock_accept_request",
	"penstock_render_response",
	"penstock_render_event",
}

// String returns the name of the export.
func (h Hook) String() string { return exports[h] }

// Streams reports whether the hook is called once for every event of a stream.
func (h Hook) Streams() bool { return h == NormalizeEvent || h == RenderEvent }

// The bounds of results, in bytes. A ranking is short, and no fuel pays for reading it.
const (
	MaxRanking = 256 << 10
	maxResult  = 32 << 20
)

// MaxOutput returns the bound of the hook's result, in bytes.
func (h Hook) MaxOutput() uint32 {
	if h == RouteFlat || h == Route {
		return MaxRanking
	}
	return maxResult
}

// The other names of the contract. ExportPrefix begins the names of hooks.
const (
	ExportPrefix     = "penstock_"
	ExportMemory     = "memory"
	ExportVersion    = "penstock_abi_version"
	ExportAlloc      = "penstock_alloc"
	ExportInit       = "penstock_init"
	ExportDescribe   = "penstock_describe"
	ExportInitialize = "_initialize"
	ExportStart      = "_start"

	// ABIMajor is the major version of the contract.
	ABIMajor = 1
)
