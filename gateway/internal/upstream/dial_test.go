package upstream

import (
	"net"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

func TestPrivateAddressIsRefusedAfterResolution(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(200, "{}"))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		c, err := New(Options{BaseURL: "http://" + host + ":" + port})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), call)
		if e := llm.AsError(err); e.Fault != llm.FaultNotFound || !strings.Contains(e.Message, "allow_private") {
			t.Errorf("Do to %s = %v, want a refusal that names allow_private", host, err)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests reached a private address", n)
	}
}
