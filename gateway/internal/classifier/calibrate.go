package classifier

import (
	"fmt"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

// Calibrate returns weights with the thresholds for other prompts, whose outcomes need not be
// known. Each prompt counts once. The weights stay.
func Calibrate(weights string, prompts map[string]bool) ([]byte, error) {
	m, err := classify.Parse(weights)
	if err != nil {
		return nil, err
	}
	if len(prompts) < MinRows {
		return nil, hint.Add(fmt.Errorf("there are %d different prompts; at least %d are needed", len(prompts), MinRows), "some hundred of your own traffic are better")
	}
	var f classify.Features
	scores := make([]float64, 0, len(prompts))
	for prompt := range prompts {
		f.Read([]byte(prompt))
		scores = append(scores, m.Score(&f))
	}
	return classify.Recalibrated(weights, quantiles(scores)), nil
}
