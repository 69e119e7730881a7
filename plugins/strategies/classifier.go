package strategies

import (
	"strings"

	"github.com/penstock/penstock/plugins/strategies/classify"
	penstock "github.com/penstock/penstock/sdk/go"
)

// Classifier is the strategy's name.
const Classifier = "classifier"

const (
	// defaultStrongShare is the share of hard requests when the operator sets none.
	defaultStrongShare = 0.3
	// defaultUnknownShare is the share of unknown words from which on a request is hard.
	defaultUnknownShare = 0.5
)

// The difficulties, as labels of classes have them.
const (
	easy = "easy"
	hard = "hard"
)

// class is what the classifier makes of a request.
type class struct {
	category   classify.Category
	difficulty string
	// strange says that too many words are unknown to trust either; such a request is hard.
	strange bool
	// score, threshold and unknown are why it is that difficult.
	score, threshold, unknown float64
}

// tierOf is the tier that an operator wants for a label.
type tierOf struct {
	label string
	order int32
}

// classified ranks the targets of the tier that the request's class is for first, then
// stronger tiers, the nearest first, then weaker ones. Within a tier it draws by weight.
func classified(r *ranker) {
	wanted, ok := r.labeledTier()
	var c class
	if !ok {
		c = r.classify()
		wanted = r.wantedTier(&c)
	}
	weighted(r)
	highest := wanted
	for i := range r.candidates {
		highest = max(highest, r.candidates[i].Order)
	}
	for i := range r.candidates {
		t := &r.candidates[i]
		t.level, t.stronger = int64(t.Order)-int64(wanted), t.Order > wanted
		if t.Order < wanted {
			t.level = int64(highest) - int64(t.Order) // behind all that are stronger
		}
		t.setCost(r)
		if !ok {
			t.set(termDifficulty, c.score)
			t.set(termThreshold, c.threshold)
			t.set(termUnknown, c.unknown)
		}
	}
	if ok {
		r.reason = append(append(r.reason[:0], "label "...), r.label...)
		return
	}
	r.reason = append(append(append(append(r.reason[:0], "class "...), c.category.String()...), '-'), c.difficulty...)
	if c.strange {
		r.reason = append(r.reason, ", by unknown words"...)
	}
}

// labeledTier is the tier for the label that an endpoint has given the request: the one that
// the operator wants for it; without one that of the classifier's own class of this name, of
// which easy and hard have the lowest and the highest order. It is false for any other label.
func (r *ranker) labeledTier() (order int32, ok bool) {
	label := string(r.label)
	for _, list := range [...][]tierOf{r.settings.labels, r.settings.classes} {
		for _, t := range list {
			if t.label == label {
				return t.order, true
			}
		}
	}
	return r.endTier(label == hard), label == easy || label == hard
}

// classify reads the request's text.
func (r *ranker) classify() class {
	set, f := &r.settings, &r.features
	f.Read(r.text)
	c := class{category: f.Category, difficulty: easy, score: set.model.Score(f), threshold: set.hardFrom, unknown: set.model.Unknown(f)}
	c.strange = c.unknown > set.unknownShare
	if c.score >= c.threshold || c.strange {
		c.difficulty = hard
	}
	return c
}

// wantedTier is the order of the tier that a class is for: that of its category and
// difficulty, of its category, or of its difficulty; the last one only where words are
// unknown, since the rules know no more of them. Without any it is the lowest order for easy
// requests and the highest for hard ones, fallbacks aside.
func (r *ranker) wantedTier(c *class) int32 {
	category := c.category.String()
	labels := [...]string{category + "-" + c.difficulty, category, c.difficulty}
	for i, label := range labels {
		for _, t := range r.settings.classes {
			if t.label == label && !(c.strange && i < len(labels)-1) {
				return t.order
			}
		}
	}
	return r.endTier(c.difficulty == hard)
}

// endTier is the highest or the lowest order of the candidates that are no fallbacks, or of
// all if all are.
func (r *ranker) endTier(highest bool) int32 {
	found, order, fallback := false, int32(0), true
	for i := range r.candidates {
		t := &r.candidates[i]
		isFallback := t.Flags&penstock.TargetFallback != 0
		switch {
		case !found, fallback && !isFallback:
			found, order, fallback = true, t.Order, isFallback
		case fallback == isFallback && (t.Order > order) == highest:
			order = t.Order
		}
	}
	return order
}

// parseClass reads the tier of one label.
func (s *settings) parseClass(label string, value []byte) error {
	if !isLabel(label) {
		return penstock.Reject(400, at("classes."+label), "strategy classifier has no class ", quote([]byte(label)), "; a class is a category, easy, hard, or both as code-hard; the categories are ",
			strings.Join(classify.Categories(), ", "))
	}
	return s.parseTier(&s.classes, "classes."+label, value)
}

// parseTier reads the tier of a setting whose name ends with a label.
func (s *settings) parseTier(list *[]tierOf, key string, value []byte) error {
	order, ok := penstock.JSON(value).Whole()
	if !ok || order != int64(int32(order)) {
		return penstock.Reject(400, at(key), "setting ", key, " of strategy classifier is ", quote(value), "; it takes the order of a tier, a whole number")
	}
	_, label, _ := strings.Cut(key, ".")
	*list = append(*list, tierOf{label, int32(order)})
	return nil
}

// isLabel reports whether a text is a category, a difficulty, or both.
func isLabel(label string) bool {
	category, difficulty, both := strings.Cut(label, "-")
	if !both && (label == easy || label == hard) {
		return true
	}
	for _, known := range classify.Categories() {
		if category == known {
			return !both || difficulty == easy || difficulty == hard
		}
	}
	return false
}

// openClassifier opens the model and computes the threshold once all settings are read. It
// does nothing for other strategies.
func (r *ranker) openClassifier() (err error) {
	s := &r.settings
	if s.strategy.name != Classifier {
		return nil
	}
	if s.model = r.own; s.model == nil {
		if s.model, err = classify.Parse(classify.Shipped()); err != nil {
			return penstock.Reject(500, "the built-in weights: ", err.Error())
		}
	}
	byShare, byThreshold := s.strongShare == s.strongShare, s.hardFrom == s.hardFrom
	switch {
	case byShare && byThreshold:
		return penstock.Reject(400, at("threshold"), "strategy classifier has both strong_share and threshold; give one of them")
	case byThreshold:
		return nil
	case !byShare:
		s.strongShare = defaultStrongShare
	}
	s.hardFrom = s.model.Threshold(s.strongShare)
	return nil
}

// stayGain is what a session's target costs more than the best other one, without its cache.
// A session stays with a stronger model than the request needs while that costs less than its
// cache saves, and leaves a weaker one.
func stayGain(r *ranker, home, best *candidate, _ float64) float64 {
	if !home.priced() || !best.priced() || !home.stronger {
		return 0
	}
	return dollars(home.Target, r.settings.estInput, home.expectedOutput(r), 0) - best.terms[termCost]
}
