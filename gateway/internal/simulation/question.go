package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/penstock/penstock/gateway/internal/classifier"
)

// question is what a request asks, in the scenario whose prompts have a known difficulty.
type question struct {
	text string
	// difficulty is from 0 to 1. Subject and task make most of it, so that the text tells it in
	// part; the rest is chance.
	difficulty float64
}

// subject is what questions are about, and how hard they are on average.
type subject struct {
	name  string
	about [4]string
	base  float64
}

func subjects() []subject {
	return []subject{
		{"cooking", [4]string{"bread dough", "lentil soup", "roast onions", "apple pastry"}, 0.15},
		{"gardening", [4]string{"tomato plants", "garden soil", "old hedges", "winter bulbs"}, 0.2},
		{"football", [4]string{"the offside rule", "league tables", "penalty kicks", "youth teams"}, 0.2},
		{"travel", [4]string{"night trains", "island ferries", "mountain huts", "city passes"}, 0.25},
		{"history", [4]string{"medieval guilds", "early railways", "trade routes", "old calendars"}, 0.4},
		{"biology", [4]string{"cell membranes", "gene expression", "predator cycles", "plant hormones"}, 0.5},
		{"law", [4]string{"contract clauses", "burden of proof", "tenancy notices", "estoppel claims"}, 0.55},
		{"chemistry", [4]string{"buffer solutions", "reaction kinetics", "chiral ligands", "electrode potentials"}, 0.6},
		{"economics", [4]string{"price elasticity", "auction equilibria", "bond duration", "monetary shocks"}, 0.6},
		{"physics", [4]string{"angular momentum", "lattice vibrations", "tensor fields", "quantum tunnelling"}, 0.7},
		{"cryptography", [4]string{"elliptic curves", "zero-knowledge proofs", "lattice attacks", "hash collisions"}, 0.75},
		{"topology", [4]string{"covering spaces", "homotopy groups", "compact manifolds", "fixed points"}, 0.8},
	}
}

// task is what is wanted, and how much harder than the mean that is.
type task struct {
	ask    string
	harder float64
}

func tasks() []task {
	return []task{
		{"Name three facts about", -0.15}, {"Give a short definition of", -0.1}, {"Summarize what beginners should know about", -0.1},
		{"Compare two common views on", 0}, {"Write a worked example about", 0.05}, {"Find the mistake in this argument about", 0.15},
		{"Derive the main result step by step for", 0.2}, {"Prove a non-trivial claim about", 0.25},
	}
}

// endings say nothing about how hard a question is.
func endings() []string {
	return []string{"", " Please be brief.", " Thanks in advance!", " I need this by tomorrow.", " Two paragraphs will do."}
}

// unseen is the standard deviation of the part of the difficulty that no text tells.
const unseen = 0.12

func newQuestion(random *rand.Rand) question {
	s, t, ends := subjects(), tasks(), endings()
	about, do := s[random.IntN(len(s))], t[random.IntN(len(t))]
	text := fmt.Sprintf("%s %s in %s.%s", do.ask, about.about[random.IntN(len(about.about))], about.name, ends[random.IntN(len(ends))])
	return question{text, min(max(about.base+do.harder+random.NormFloat64()*unseen, 0), 1)}
}

// body is a request's with the question.
func (q *question) body() []byte {
	text, _ := json.Marshal(q.text) // a text always has a JSON form
	return fmt.Appendf(nil, `{"model":"sim","messages":[{"role":"user","content":%s}]}`, text)
}

// steepness is how sharply a model begins to fail where questions get too hard for it.
const steepness = 8

// chance is how likely a model of some ability answers a question well, 0 to 1.
func (q *question) chance(ability float64) float64 {
	return 1 / (1 + math.Exp(-steepness*(ability-q.difficulty)))
}

// sampled is how many questions what is known of all of them is computed from.
const sampled = 4000

// sample draws questions that no scenario asks.
func sample(seed uint64) []question {
	random := rand.New(rand.NewPCG(seed, 6))
	all := make([]question, sampled)
	for i := range all {
		all[i] = newQuestion(random)
	}
	return all
}

// abilityOf is the ability of a model that answers a share of the questions well.
func abilityOf(quality float64, all []question) float64 {
	low, high := -2.0, 3.0
	for range 50 {
		middle, mean := (low+high)/2, 0.0
		for i := range all {
			mean += all[i].chance(middle) / float64(len(all))
		}
		if mean < quality {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// train returns the weights that an operator would get who had both models answer a sample of
// questions.
func train(weak, strong *model, seed uint64) ([]byte, error) {
	random := rand.New(rand.NewPCG(seed, 7))
	var rows []classifier.Row
	drawn := func(chance float64) float64 {
		if random.Float64() < chance {
			return 1
		}
		return 0
	}
	for _, q := range sample(seed + 1) {
		rows = append(rows, classifier.Row{Prompt: q.text, Weak: drawn(q.chance(weak.ability)), Strong: drawn(q.chance(strong.ability))})
	}
	weights, _, err := classifier.Train(rows, classifier.Options{Folds: 5, Seed: seed})
	return weights, err
}
