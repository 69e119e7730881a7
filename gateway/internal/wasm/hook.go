package wasm

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

	hookCount
)

var hookNames = [hookCount]string{
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

// streams reports whether the hook is called once for every event of a stream.
func (h Hook) streams() bool { return h == NormaliseEvent || h == RenderEvent }

// maxOutput bounds a result, in bytes: a ranking is short, and reading it is work
// that no fuel pays for.
func (h Hook) maxOutput() uint32 {
	if h == RouteFlat || h == Route {
		return maxRanking
	}
	return maxOutput
}

// The other names of the contract.
const (
	exportPrefix     = "penstock_" // of hooks
	exportMemory     = "memory"
	exportVersion    = "penstock_abi_version"
	exportAlloc      = "penstock_alloc"
	exportInit       = "penstock_init"
	exportDescribe   = "penstock_describe"
	exportInitialize = "_initialize"
	exportStart      = "_start"
	exportFuel       = "penstock.fuel" // added by the fuel pass; reserved

	abiMajor = 1
)
