package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// conversation is a sequence of requests, each sent some time after the reply to the last.
type conversation struct {
	start time.Duration
	// session names it; empty for a single request.
	session string
	turns   []turn
}

// turn is one request of a conversation.
type turn struct {
	// id is the request's, and unique in the scenario.
	id string
	// think is the time from the reply before it to this request.
	think          time.Duration
	prompt, output int64
	stream         bool
	// question is what it asks; nil where that does not matter.
	question *question
	// seed is for what chance does to the request, whichever target serves it.
	seed uint64
}

// maxTokens bounds a prompt or a reply.
const maxTokens = 200_000

// conversations draws the scenario's traffic. The same seed gives the same.
func (s *scenario) conversations(seed uint64) []conversation {
	random := rand.New(rand.NewPCG(seed, 1))
	var all []conversation
	for at := time.Duration(0); ; {
		at += time.Duration(random.ExpFloat64() / (s.rate * peak) * float64(time.Second))
		if at >= s.length {
			return all
		}
		if random.Float64()*peak > s.shareAt(at) {
			continue // thinning makes a Poisson process whose rate changes
		}
		all = append(all, s.conversation(random, len(all), at))
	}
}

// peak is the most that shareAt returns.
const peak = 1.7

// shareAt returns the rate at a time of day in relation to the mean.
func (s *scenario) shareAt(at time.Duration) float64 {
	if !s.diurnal {
		return 1
	}
	return 1 + (peak-1)*math.Cos(2*math.Pi*(at.Hours()-14)/24)
}

func (s *scenario) conversation(random *rand.Rand, n int, at time.Duration) conversation {
	c := conversation{start: at}
	turns := 1
	if random.Float64() < s.agents {
		c.session = fmt.Sprintf("session-%d", n)
		turns = 2 + random.IntN(39)
	}
	prompt := s.draw(random, s.prompt)
	for i := range turns {
		t := turn{id: fmt.Sprintf("req-%d-%d", n, i), prompt: prompt, output: s.draw(random, s.traffic.output),
			stream: random.Float64() >= s.plain, seed: random.Uint64()}
		if s.questions {
			q := newQuestion(rand.New(rand.NewPCG(t.seed, 5)))
			t.question = &q
		}
		if i > 0 {
			t.think = time.Duration(random.ExpFloat64() * float64(10*time.Second))
		}
		c.turns = append(c.turns, t)
		prompt = min(prompt+t.output+s.draw(random, s.prompt)/4, maxTokens)
	}
	return c
}

// draw draws a length in tokens around a median.
func (s *scenario) draw(random *rand.Rand, median int64) int64 {
	x := float64(median) * math.Exp(random.NormFloat64()*s.spread)
	return int64(min(max(x, 1), maxTokens))
}
