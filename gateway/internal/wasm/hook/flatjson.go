package hook

import (
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// FlatJSON is the JSON of a flat answer about n candidates; nothing for no opinion.
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
	for at, i := range b.order {
		dst = jsontext.AppendComma(dst)
		dst = append(strconv.AppendInt(append(dst, `{"i":`...), int64(i), 10), `,"score":`...)
		dst = append(strconv.AppendFloat(dst, b.scores[at], 'g', -1, 64), '}')
	}
	return append(appendDrops(append(dst, `],"drop":`...), b.state), '}'), nil
}

func appendDrops(dst []byte, state []mark) []byte {
	dst = append(dst, '[')
	for i, m := range state {
		if m == dropped {
			dst = strconv.AppendInt(jsontext.AppendComma(dst), int64(i), 10)
		}
	}
	return append(dst, ']')
}

// checkRanking says what is wrong with a router's answer about n candidates.
func checkRanking(h Hook, out []byte, n int) error {
	var b RankingBuilder
	b.Reset(n)
	if h == RouteFlat {
		return ReadFlat(&b, out)
	}
	if err := ReadRanking(&b, out); err != nil {
		return err
	}
	if b.removeDropped(); n > 0 && len(b.order) == 0 && !hasUnseen(b.state) {
		return errAllDropped
	}
	return nil
}

func hasUnseen(state []mark) bool {
	for _, m := range state {
		if m == unseen {
			return true
		}
	}
	return false
}
