package cases

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
)

func TestTimeCallsAgainAndAgain(t *testing.T) {
	c := Case{Name: "echo", Hook: "route", Input: []byte(`"hello"`), Expect: []byte(`"hello"`)}
	got, err := Time(t.Context(), newTestHost(t), wasm.Spec{Name: "m", Wasm: asm.Echo().Bytes()}, c, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	trials, err := Run(t.Context(), newTestHost(t), wasm.Spec{Name: "m", Wasm: asm.Echo().Bytes()}, []Case{c})
	if err != nil {
		t.Fatal(err)
	}
	if got.Calls < 1 || got.PerSecond <= 0 || got.P99 < got.P50 || got.Fuel != trials[0].Fuel || got.Memory != trials[0].Memory {
		t.Errorf("Time = %+v, want at least one call with the fuel and memory of %+v", got, trials[0])
	}
}

func TestTimeWantsACaseThatPasses(t *testing.T) {
	for _, c := range []struct {
		of   Case
		want string
	}{
		{Case{Name: "other", Hook: "route", Input: []byte(`"a"`), Expect: []byte(`"b"`)}, "case other: want the bytes b, got a"},
		{Case{Name: "absent", Hook: "route_flat"}, "does not export penstock_route_flat"},
		{Case{Name: "settings", Hook: "init"}, "makes no call"},
	} {
		_, err := Time(t.Context(), newTestHost(t), wasm.Spec{Name: "m", Wasm: asm.Echo().Bytes()}, c.of, time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Time of %s = %v, want %q", c.of.Name, err, c.want)
		}
	}
}
