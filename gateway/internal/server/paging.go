package server

import (
	"encoding/base64"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
)

// pageOf returns the first entries of an ordered list that follow the page before, at most limit,
// and the After of the next page, which is empty on the last one.
func pageOf[T any](ordered []T, limit int, follows func(T) bool, after func(T) string) (list []T, next string) {
	begin := slices.IndexFunc(ordered, follows)
	if begin < 0 {
		return []T{}, "" // which encodes as an array
	}
	list = ordered[begin:]
	if len(list) > limit {
		list = list[:limit]
		next = after(list[limit-1])
	}
	return list, next
}

// least returns the n least of all values in their order, without repetitions. It keeps at most
// 2n of them at a time.
func least[T any](n int, all iter.Seq[T], compare func(a, b T) int) []T {
	keep := make([]T, 0, min(2*n, 1024))
	full := false // the first n values of keep are the least so far
	shorten := func() {
		slices.SortFunc(keep, compare)
		keep = slices.CompactFunc(keep, func(a, b T) bool { return compare(a, b) == 0 })
		if full = len(keep) >= n; full {
			keep = keep[:n]
		}
	}
	for v := range all {
		if full && compare(v, keep[n-1]) >= 0 {
			continue
		}
		if keep = append(keep, v); len(keep) >= 2*n {
			shorten()
		}
	}
	shorten()
	return keep
}

// afterOf writes what names the last entry of a page as the After of the next one.
func afterOf(names ...string) string {
	for i, name := range names {
		names[i] = url.QueryEscape(name)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(names, "&")))
}

// parseAfter reads what afterOf has written of so many names. It returns nil for an empty text.
func parseAfter(after string, count int) ([]string, error) {
	if after == "" {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil {
		return nil, admin.BadAfter()
	}
	names := strings.Split(string(text), "&")
	if len(names) != count {
		return nil, admin.BadAfter()
	}
	for i := range names {
		if names[i], err = url.QueryUnescape(names[i]); err != nil {
			return nil, admin.BadAfter()
		}
	}
	return names, nil
}
