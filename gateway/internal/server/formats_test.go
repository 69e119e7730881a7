package server

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/config"
)

// TestEndpointsCannotTakeOwnPaths checks that the configuration refuses an endpoint at
// every path of a native format, where it would never be called.
func TestEndpointsCannotTakeOwnPaths(t *testing.T) {
	for _, p := range (formats{}).Paths() {
		for _, path := range []string{p.Path, p.Path + "/*"} {
			_, err := config.Parse("penstock.yaml", []byte("plugins: {p: {file: formats_test.go}}\nendpoints: {"+path+": {dialect: p}}\n"), nil)
			if err == nil || !strings.Contains(err.Error(), "the gateway itself serves "+path) {
				t.Errorf("an endpoint at %s: %v, want a fault", path, err)
			}
		}
	}
}
