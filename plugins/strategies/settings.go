package main

import (
	"math"
	"strconv"
	"unsafe"

	penstock "github.com/penstock/penstock/sdk/go"
)

// strategy fills in class and score of every candidate.
type strategy func([]candidate, *settings)

// settings are what the operator wrote under the route's "with", and what the
// request brings along.
type settings struct {
	// seed is the same for every try of the same request.
	seed uint64
	// minQuality is NaN when no floor is set.
	minQuality float64
	// outputTokens is the expected length of an answer; 0 means the default.
	outputTokens float64
	// The weights of the balanced strategy.
	cost, quality, latency, errors float64
	estInput, maxOutput            float64
}

// defaultOutput is the length of an answer, in tokens, that costs and latencies
// are compared for when the operator names none.
const defaultOutput = 512

// read sets s from the route and returns its strategy. An unknown name or an
// unusable value is an error: a misspelt setting must not look as if it were in
// force.
func (s *settings) read(route *penstock.Route) (strategy, error) {
	*s = settings{minQuality: math.NaN(), cost: 0.4, quality: 0.4, latency: 0.2,
		estInput: float64(route.EstInput), maxOutput: float64(route.MaxOutput)}
	name := route.Strategy()
	chosen := named(name)
	if chosen == nil {
		return nil, penstock.Reject(400, "unknown strategy ", strconv.Quote(string(name)),
			"; the built-in ones are ordered, weighted, cost and balanced")
	}
	for key, value := range route.Settings {
		if err := s.readOne(name, key, value); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

func named(name []byte) strategy {
	switch string(name) {
	case "ordered":
		return ordered
	case "weighted":
		return weighted
	case "cost":
		return cheapest
	case "balanced":
		return balanced
	}
	return nil
}

func (s *settings) readOne(name, key, value []byte) error {
	if string(key) == "seed" {
		return s.readSeed(value)
	}
	field := s.field(name, key)
	if field == nil {
		return penstock.Reject(400, "strategy ", string(name), " has no setting ", strconv.Quote(string(key)))
	}
	// The string lives no longer than this call, so it may alias the input.
	x, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(value), len(value)), 64)
	if err != nil || !(x >= 0 && x <= 1e12) {
		return penstock.Reject(400, "setting ", string(key), " of strategy ", string(name), " is ",
			strconv.Quote(string(value)), "; it takes a number from 0 up")
	}
	*field = x
	return nil
}

func (s *settings) readSeed(value []byte) error {
	seed, err := strconv.ParseUint(unsafe.String(unsafe.SliceData(value), len(value)), 10, 64)
	if err != nil {
		return penstock.Reject(500, "the seed is ", strconv.Quote(string(value)), ", which is not a number")
	}
	s.seed = seed
	return nil
}

// field is where a strategy keeps the setting called key; nil when it has none of
// that name.
func (s *settings) field(name, key []byte) *float64 {
	switch string(name) {
	case "cost":
		switch string(key) {
		case "min_quality":
			return &s.minQuality
		case "output_tokens":
			return &s.outputTokens
		}
	case "balanced":
		switch string(key) {
		case "cost":
			return &s.cost
		case "quality":
			return &s.quality
		case "latency":
			return &s.latency
		case "errors":
			return &s.errors
		case "output_tokens":
			return &s.outputTokens
		}
	}
	return nil
}

// expectedOutput is how long an answer is taken to be, in tokens: never more than
// the client allows.
func (s *settings) expectedOutput() float64 {
	expected := s.outputTokens
	if expected == 0 {
		expected = defaultOutput
	}
	if s.maxOutput > 0 {
		expected = min(expected, s.maxOutput)
	}
	return expected
}
