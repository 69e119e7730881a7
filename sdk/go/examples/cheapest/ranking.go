package main

import penstock "github.com/penstock/penstock/sdk/go"

// usualOutput is how long an answer is taken to be, in tokens, when the route's settings
// do not say.
const usualOutput = 500

// cost is that of the request at prices in nano-USD per million tokens.
func cost(input, priceIn, output, priceOut float64) float64 {
	return (input*priceIn + output*priceOut) / 1e6
}

// expected reads the setting output_tokens, if it is there.
func expected(setting penstock.JSON, there bool) (float64, error) {
	if !there {
		return usualOutput, nil
	}
	n, ok := setting.Number()
	if !ok || n < 0 {
		return 0, penstock.Reject(400, "output_tokens must be a number that is not negative")
	}
	return n, nil
}
