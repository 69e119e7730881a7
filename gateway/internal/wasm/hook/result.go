package hook

import "net/http"

// CheckResult reports what is wrong with a result that is not empty. n is the number of
// candidates if the hook ranks.
func CheckResult(h Hook, out []byte, n int) error {
	switch h {
	case RouteFlat, Route:
		return checkRanking(h, out, n)
	case TransformRequest:
		_, err := ReadBody(out)
		return err
	case AcceptRequest:
		_, err := ReadAccepted(out)
		return err
	case RenderResponse:
		_, err := ReadRenderedReply(out, http.StatusOK)
		return err
	case NormalizeEvent, RenderEvent:
		_, payload, err := SplitResult(h, out)
		if err == nil && h == NormalizeEvent {
			_, err = SplitLines(payload, ReadLine)
		}
		return err
	}
	_, err := ReadCompletion(out)
	return err
}
