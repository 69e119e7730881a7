package hook

import (
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// FlatJSON converts a flat result about n candidates to JSON; an empty one stays empty.
func FlatJSON(out []byte, n int) ([]byte, error) {
	if len(out) == 0 {
		return nil, nil
	}
	var b RankingBuilder
	b.Reset(n)
	if err := ReadFlat(&b, out); err != nil {
		return nil, err
	}
	b.removeDropped()
	dst := []byte(`{"ranking":[`)
	for position, i := range b.order {
		dst = jsontext.AppendComma(dst)
		dst = append(strconv.AppendInt(append(dst, `{"i":`...), int64(i), 10), `,"score":`...)
		dst = append(strconv.AppendFloat(dst, b.scores[position], 'g', -1, 64), '}')
	}
	dst = appendDrops(append(dst, `],"drop":`...), b.state)
	if b.reason != "" {
		dst = appendText(dst, "reason", b.reason)
	}
	return append(dst, '}'), nil
}

func appendDrops(dst []byte, state []candidateState) []byte {
	dst = append(dst, '[')
	for i, m := range state {
		if m == dropped {
			dst = strconv.AppendInt(jsontext.AppendComma(dst), int64(i), 10)
		}
	}
	return append(dst, ']')
}

// checkRanking reports what is wrong with a router's result about n candidates.
func checkRanking(h Hook, out []byte, n int) error {
	var b RankingBuilder
	b.Reset(n)
	if h == RouteFlat {
		return ReadFlat(&b, out)
	}
	if err := ReadRanking(&b, out); err != nil {
		return err
	}
	if b.removeDropped(); n > 0 && len(b.order) == 0 && !hasUnmentioned(b.state) {
		return errAllDropped
	}
	return nil
}

func hasUnmentioned(state []candidateState) bool {
	for _, m := range state {
		if m == unmentioned {
			return true
		}
	}
	return false
}
