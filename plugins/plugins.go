// Package plugins carries the built-in Wasm modules inside the binary: one that
// holds every routing strategy and one that holds every provider dialect. The
// sources are in the folders of the same names, and make builds them before
// anything that imports this package. It does not load or run modules.
package plugins

import _ "embed"

// Strategies is the router module. It exports penstock_route_flat; the strategies
// that it knows are listed in strategies/README.md.
//
//go:embed strategies.wasm
var Strategies []byte

// Dialects is the module that translates between the canonical chat-completions
// form and providers' own formats. It exports penstock_transform_request,
// penstock_normalise_response and penstock_normalise_event; the dialects that it
// knows are listed in dialects/README.md.
//
//go:embed dialects.wasm
var Dialects []byte
