// Package plugins embeds the built-in Wasm module, which holds every routing strategy and
// every provider dialect. The sources are in the folders of those names, and make builds the
// module before anything that imports this package. It does not load or run modules.
package plugins

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
)

// packed is the module, compressed: embedded uncompressed it would stay in memory once it has
// been read.
//
//go:embed builtin.wasm.gz
var packed []byte

// Builtin unpacks the built-in module. It exports penstock_route_flat for the strategies in
// strategies/README.md, and penstock_transform_request, penstock_normalise_response and
// penstock_normalise_event for the dialects in dialects/README.md. The caller owns the bytes.
func Builtin() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the built-in module: %w", err)
	}
	wasm, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack the built-in module: %w", err)
	}
	return wasm, nil
}
