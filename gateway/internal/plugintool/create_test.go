package plugintool

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/hint"
)

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"first-router": true, "a": true, "0.x_y": true, "": false, "../x": false, "a/b": false, ".x": false, "-x": false, "Upper": false, "a b": false,
	} {
		err := CheckName(name)
		if (err == nil) != ok || (hint.Of(err) == "") != ok {
			t.Errorf("CheckName(%q) = %v, want ok %v, with a hint if not", name, err, ok)
		}
	}
}
