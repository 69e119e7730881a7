package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Page is the part of a list that is asked for.
type Page struct {
	// After is the next of the page before; empty for the first page.
	After string
	// Limit is the most entries to return, from 1 to 1,000.
	Limit int
}

// Bounds of pages.
const (
	usualPage = 100
	maxPage   = 1000
)

// page returns the page that ?limit= and ?after= ask for.
func page(r *http.Request) (Page, error) {
	q := r.URL.Query()
	p := Page{q.Get("after"), usualPage}
	text := q.Get("limit")
	if text == "" {
		return p, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return p, badQuery("limit", fmt.Errorf("write a number from 1 to %d", maxPage))
	}
	p.Limit = n
	return p, nil
}

// listPage replies with a page of a list that has no parameters of its own.
func listPage(r *http.Request, list func(context.Context, Page) (any, error)) (Reply, error) {
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	entries, err := list(r.Context(), p)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(entries)
}

// BadAfter is the error for an After that is not the next of a page.
func BadAfter() error {
	return badQuery("after", errors.New("write the next of the page before"))
}

// onlyParams returns an error for a parameter that is none of those.
func onlyParams(query url.Values, names []string) error {
	for name := range query {
		if !slices.Contains(names, name) {
			return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name,
				Message: "There is no parameter " + llm.Quote(name) + " here; there are " + strings.Join(names, ", ") + "."}
		}
	}
	return nil
}
