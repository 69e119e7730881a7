package main

import (
	"math"
	"time"
)

// equals returns targets of one model with the same speed and price.
func equals(names ...string) []model {
	var models []model
	for _, name := range names {
		models = append(models, model{id: name, first: 400 * time.Millisecond, speed: 80, jitter: 0.4, input: 2.5, output: 10, cached: 0.25, quality: 0.8})
	}
	return models
}

// chat is the traffic of single requests.
func chat(rate float64) traffic {
	return traffic{rate: rate, prompt: 800, output: 250, spread: 0.6, plain: 0.2}
}

// degraded is one of five equal targets that takes ten times as long for an hour.
func degraded(length time.Duration, rate float64) *scenario {
	return &scenario{name: "degraded", about: "one of five equal targets takes ten times as long",
		length: length, models: equals("ash", "beech", "cedar", "elm", "fir"), traffic: chat(rate),
		incidents: []incident{{target: "cedar", from: length / 4, to: length / 2, slower: 10}}}
}

// limited is five targets of one model with different limits, and 0.9 of what they allow
// together.
func limited(length time.Duration, load float64) *scenario {
	s := &scenario{name: "limits", about: "five targets of one model with different rate limits", length: length,
		models: equals("ash", "beech", "cedar", "elm", "fir"), traffic: chat(0)}
	tokens := s.meanTokens()
	for i, l := range []limit{
		{requests: 600, family: openAI}, {tokens: 300 * tokens, family: anthropic}, {requests: 300, tokens: 400 * tokens, family: azure},
		{requests: 200, tokens: 120 * tokens, family: openAI}, {requests: 60, family: anthropic},
	} {
		s.models[i].limit = l
		perMinute := l.requests
		if l.tokens > 0 && (perMinute == 0 || l.tokens/tokens < perMinute) {
			perMinute = l.tokens / tokens
		}
		s.rate += load * perMinute / 60
	}
	return s
}

// meanTokens is the mean of prompt and reply of single requests.
func (t *traffic) meanTokens() float64 {
	return float64(t.prompt+t.output) * math.Exp(t.spread*t.spread/2)
}
