package strategies

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/penstock/penstock/plugins/strategies/classify"
	penstock "github.com/penstock/penstock/sdk/go"
)

// settings are what the operator wrote under the route's "with", and what the request adds.
type settings struct {
	strategy strategy
	// minQuality is NaN when no floor is set.
	minQuality float64
	// outputTokens is the expected length of an answer; 0 means that of the route's answers.
	outputTokens float64
	// explore is the largest share of requests that measure a target.
	explore float64
	// The weights of the balanced strategy.
	cost, quality, latency, errors float64
	// sticky keeps a session at the target that has its prompt.
	sticky bool
	// strongShare is the share of requests that should be hard, hardFrom the score from which
	// they are; NaN when not set. unknownShare is the share of unknown words that makes one hard.
	strongShare, hardFrom, unknownShare float64
	// classes are the tiers that the operator wants for the classifier's own classes, labels
	// those for the labels of an endpoint.
	classes, labels []tierOf
	model           *classify.Model // of the classifier
	// seed is the same for every try of the same request.
	seed                []byte
	estInput, maxOutput float64
}

// defaultOutput is the length of an answer, in tokens, that costs and latencies are compared
// for when the operator sets none and the route has had none.
const defaultOutput = 512

// defaultExplore is the share of requests that measure targets when the operator sets none.
const defaultExplore = 0.05

// maxSetting bounds the other settings.
const maxSetting = 1e12

// readSettings reads the route's settings. Requests of one route differ in the seed only, so
// the settings of the call before are used again when they are the same.
func (r *ranker) readSettings(route *penstock.Route) error {
	operator, seed := cutSeed(route.Text)
	if !bytes.Equal(operator, r.parsed) || len(r.parsed) == 0 {
		r.parsed = r.parsed[:0]
		if err := r.settings.parse(operator); err != nil {
			return err
		}
		if err := r.openClassifier(); err != nil {
			return err
		}
		r.parsed = append(r.parsed, operator...)
	}
	r.settings.seed = seed
	r.settings.estInput, r.settings.maxOutput = float64(route.EstInput), float64(route.MaxOutput)
	return nil
}

// cutSeed splits off the last line, seed= and a number.
func cutSeed(text []byte) (operator, seed []byte) {
	text = bytes.TrimSuffix(text, []byte{'\n'})
	end := bytes.LastIndexByte(text, '\n')
	last := text[end+1:]
	seed, ok := bytes.CutPrefix(last, []byte("seed="))
	if !ok {
		return text, nil
	}
	return text[:max(end, 0)], seed
}

// parse reads strategy and settings. An unknown name or an unusable value is an error: a
// misspelt setting must not look as if it were in effect.
func (s *settings) parse(text []byte) error {
	*s = settings{minQuality: math.NaN(), explore: defaultExplore, cost: 0.4, quality: 0.4, latency: 0.2, sticky: true,
		strongShare: math.NaN(), hardFrom: math.NaN(), unknownShare: defaultUnknownShare}
	name, rest, _ := bytes.Cut(text, []byte{'\n'})
	if !s.choose(name) {
		return penstock.Reject(400, "unknown strategy ", quote(name), "; the built-in ones are ", strings.Join(Names(), ", "))
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if err := s.parseLine(line); err != nil {
			return err
		}
	}
	if s.cost+s.quality+s.latency+s.errors == 0 {
		return penstock.Reject(400, at(""), "the weights of strategy ", s.strategy.name, " (cost, quality, latency, errors) sum to 0; give at least one of them a number above 0")
	}
	return nil
}

// choose takes the strategy of a name and reports whether there is one.
func (s *settings) choose(name []byte) bool {
	for _, known := range table() {
		if known.name == string(name) {
			s.strategy = known
			return true
		}
	}
	return false
}

// at begins a message about a setting, or with an empty name about all of them, for the host
// to report it at the setting's line.
func at(setting string) string {
	return strings.TrimRight("with."+setting, ".") + ": "
}

func quote(s []byte) string { return string(penstock.AppendText(nil, s)) }

func (s *settings) parseLine(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte{'='})
	key := string(name)
	switch {
	case key == "sticky":
		return s.parseSticky(value)
	case s.strategy.name == Classifier && (key == "classes" || strings.HasPrefix(key, "classes.")):
		return s.parseClass(strings.TrimPrefix(key[len("classes"):], "."), value)
	case s.strategy.name == Classifier && strings.HasPrefix(key, "labels."):
		return s.parseTier(&s.labels, key, value)
	case !slices.Contains(s.strategy.settings, key):
		names := strings.Join(append(slices.Clone(s.strategy.settings), "sticky"), ", ")
		return penstock.Reject(400, at(key), "strategy ", s.strategy.name, " has no setting ", quote(name), "; it has ", names)
	}
	field, least, most := s.field(key)
	number := penstock.JSON(value) // strconv's parser would add 28 kB to the module
	x, ok := number.Number()
	if !ok || !(x >= least && x <= most) {
		want := "a number from 0 up"
		switch {
		case ok && x > maxSetting && most == maxSetting:
			want = "a number of at most 1e12"
		case least < 0:
			want = "a number between -1 and 1"
		case most == 1:
			want = "a number between 0 and 1"
		}
		return penstock.Reject(400, at(key), "setting ", key, " of strategy ", s.strategy.name, " is ", quote(value), "; it takes ", want)
	}
	*field = x
	return nil
}

func (s *settings) parseSticky(value []byte) error {
	switch string(value) {
	case "auto":
		s.sticky = true
	case "off":
		s.sticky = false
	default:
		return penstock.Reject(400, at("sticky"), "setting sticky of strategy ", s.strategy.name, " is ", quote(value), "; it takes auto or off")
	}
	return nil
}

// field returns where the setting is kept and the least and the most it may be.
func (s *settings) field(key string) (field *float64, least, most float64) {
	switch key {
	case "min_quality":
		return &s.minQuality, 0, 1
	case "explore":
		return &s.explore, 0, 1
	case "strong_share":
		return &s.strongShare, 0, 1
	case "unknown_share":
		return &s.unknownShare, 0, 1
	case "threshold":
		return &s.hardFrom, -1, 1
	case "cost":
		return &s.cost, 0, maxSetting
	case "quality":
		return &s.quality, 0, maxSetting
	case "latency":
		return &s.latency, 0, maxSetting
	case "errors":
		return &s.errors, 0, maxSetting
	}
	return &s.outputTokens, 0, maxSetting
}
