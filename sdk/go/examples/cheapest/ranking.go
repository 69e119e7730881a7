package main

import penstock "github.com/penstock/penstock/sdk/go"

// usualOutput is the expected length of an answer in tokens, when the route has no setting
// for it.
const usualOutput = 500

// cost is that of the request at prices in nano-USD per million tokens.
func cost(input, priceIn, output, priceOut float64) float64 {
	return (input*priceIn + output*priceOut) / 1e6
}

// expected reads the setting output_tokens, if it is set.
func expected(setting penstock.JSON, set bool) (float64, error) {
	if !set {
		return usualOutput, nil
	}
	n, ok := setting.Number()
	if !ok || n < 0 {
		return 0, penstock.Reject(400, "output_tokens must be a number that is not negative")
	}
	return n, nil
}
