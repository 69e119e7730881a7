package httpapi

import (
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/openapi"
)

// serveDocument serves GET /openapi.yaml and /openapi.json, the description of both listeners.
func serveDocument(x *exchange) error {
	if strings.HasSuffix(x.r.URL.Path, ".json") {
		x.send(http.StatusOK, "application/vnd.oai.openapi+json;version=3.1", openapi.JSON())
		return nil
	}
	x.send(http.StatusOK, "application/vnd.oai.openapi;version=3.1", openapi.YAML())
	return nil
}
