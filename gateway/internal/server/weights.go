package server

import (
	"context"
	"encoding/hex"
	"encoding/json"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/plugins/strategies"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

// openWeights loads the built-in module once more for the routes with the router classifier,
// with the operator's weights as its settings, so that no call has to bring them. Without
// weights, or such a route, it only checks them.
func (sn *snapshot) openWeights(ctx context.Context, s *Server) error {
	path := sn.config.Classifier.Weights
	if path == "" {
		return nil
	}
	weights, err := readWeights(path)
	if err == nil && sn.uses(strategies.Classifier) {
		err = sn.loadWeights(ctx, s, weights)
	}
	if err != nil {
		return config.Faults{sn.config.Fault("classifier.weights", "penstock classifier train writes such a file", "%v", err)}
	}
	return nil
}

// uses reports whether a model names this router.
func (sn *snapshot) uses(router string) bool {
	for _, m := range sn.config.Models {
		if m.Router == router {
			return true
		}
	}
	return false
}

// readWeights reads a file of weights and checks it.
func readWeights(path string) ([]byte, error) {
	weights, err := readBounded(path, int64(classify.Size))
	if err == nil {
		_, err = classify.Parse(string(weights))
	}
	return weights, err
}

func (sn *snapshot) loadWeights(ctx context.Context, s *Server, weights []byte) error {
	spec, err := builtinSpec(strategies.Classifier)
	if err != nil {
		return err
	}
	if spec.Config, err = json.Marshal(map[string]string{"weights": hex.EncodeToString(weights)}); err != nil {
		return err
	}
	loaded, err := sn.load(ctx, s, spec)
	if err == nil {
		sn.plugins[strategies.Classifier] = loaded
	}
	return err
}
