package admin

import "time"

// Selection says which records are compared.
type Selection struct {
	// Since and Until bound the time of arrival, Until excluded; zero means no bound.
	Since, Until time.Time
	// Model is empty for all.
	Model string
}

// selectionBody is a Selection in a body.
type selectionBody struct {
	Since string `json:"since"`
	Until string `json:"until"`
	Model string `json:"model"`
}

// usualSince is how far back a comparison reaches.
const usualSince = 7 * 24 * time.Hour

func (b *selectionBody) parse(now time.Time) (s Selection, err error) {
	s.Model = b.Model
	if s.Since, err = parseTime(b.Since, now, usualSince); err != nil {
		return s, badQuery("since", err)
	}
	if b.Until == "" {
		return s, nil
	}
	if s.Until, err = parseTime(b.Until, now, 0); err != nil {
		return s, badQuery("until", err)
	}
	return s, nil
}
