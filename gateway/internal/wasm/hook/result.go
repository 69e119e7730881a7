package hook

import (
	"net/http"
)

// CheckResult says what is wrong with a result that is not empty. N counts the candidates
// of a router's.
func CheckResult(h Hook, out []byte, n int) error {
	switch h {
	case RouteFlat, Route:
		return checkRanking(h, out, n)
	case TransformRequest, AcceptRequest:
		_, err := ReadBody(out)
		return err
	case RenderResponse:
		_, err := ReadRendered(out, http.StatusOK)
		return err
	case NormaliseEvent, RenderEvent:
		_, payload, err := SplitFrame(out)
		if err == nil && h == NormaliseEvent {
			_, err = SplitLines(payload, ReadLine)
		}
		return err
	}
	_, err := ReadCompletion(out)
	return err
}
