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

// outage is five targets of different speed, the fastest of which falls silent for a time.
func outage(length time.Duration, rate float64) *scenario {
	s := &scenario{name: "outage", about: "the fastest of five targets falls silent", length: length,
		models: equals("ash", "beech", "cedar", "elm", "fir"), traffic: chat(rate),
		incidents: []incident{{target: "ash", from: length / 3, to: length / 2, hung: true}}}
	for i := range s.models {
		s.models[i].first += time.Duration(i) * 100 * time.Millisecond
		s.models[i].speed -= float64(8 * i)
		s.models[i].slots = 60
	}
	return s
}

// floor is the quality that the requests of the scenario of different models need.
const floor = 0.7

// choice is six models of different price and quality.
func choice(length time.Duration, rate float64) *scenario {
	s := &scenario{name: "choice", about: "six models of different price and quality", length: length, traffic: chat(rate)}
	for _, m := range []struct {
		id                             string
		input, output, cached, quality float64
		first, speed                   float64
	}{
		{"tiny", 0.1, 0.4, 0.025, 0.45, 250, 160},
		{"small", 0.25, 1.2, 0.06, 0.6, 300, 140},
		{"terse", 0.5, 5, 0.05, 0.72, 350, 110},
		{"medium", 1, 3.6, 0.1, 0.76, 400, 90},
		{"large", 2.5, 10, 0.25, 0.86, 550, 70},
		{"huge", 5, 25, 0.5, 0.93, 900, 50},
	} {
		s.models = append(s.models, model{id: m.id, first: time.Duration(m.first) * time.Millisecond, speed: m.speed, jitter: 0.4,
			input: m.input, output: m.output, cached: m.cached, quality: m.quality})
	}
	return s
}

// difficulty is the six models with requests that ask questions of different difficulty. The
// quality of a model is the share of all questions that it answers well.
func difficulty(length time.Duration, rate float64, seed uint64) *scenario {
	s := choice(length, rate)
	s.name, s.about, s.questions = "difficulty", "six models and questions of different difficulty", true
	all := sample(seed)
	for i := range s.models {
		s.models[i].ability = abilityOf(s.models[i].quality, all)
	}
	return s
}

// agents is equal targets that get agents' sessions only.
func agents(length time.Duration, rate float64) *scenario {
	s := &scenario{name: "agents", about: "agents' sessions at five equal targets", length: length,
		models: equals("ash", "beech", "cedar", "elm", "fir"), traffic: chat(rate)}
	s.agents = 1
	return s
}

// day is all of it: five targets with different speeds, prices and limits, chats and agents by
// the time of day, a degradation in the morning and an outage in the afternoon.
func day(rate float64) *scenario {
	s := &scenario{name: "day", about: "a day with a degradation and an outage, at five targets with limits", length: 24 * time.Hour,
		models: equals("ash", "beech", "cedar", "elm", "fir"), traffic: chat(rate),
		incidents: []incident{
			{target: "cedar", from: 9 * time.Hour, to: 11 * time.Hour, slower: 10},
			{target: "ash", from: 15 * time.Hour, to: 16 * time.Hour, down: true},
		}}
	s.agents, s.diurnal = 0.1, true
	for i := range s.models {
		m := &s.models[i]
		m.speed -= float64(6 * i)
		m.input, m.output, m.cached = 2.5-0.2*float64(i), 10-0.8*float64(i), 0.25-0.02*float64(i)
		m.limit = limit{requests: 16 + 5*float64(i), tokens: 400_000, family: []family{openAI, anthropic, azure}[i%3]}
	}
	return s
}

// meanTokens is the mean of prompt and reply of single requests.
func (t *traffic) meanTokens() float64 {
	return float64(t.prompt+t.output) * math.Exp(t.spread*t.spread/2)
}

// meanOutput is the mean of replies in tokens.
func (t *traffic) meanOutput() int64 {
	return int64(float64(t.output) * math.Exp(t.spread*t.spread/2))
}
