package policy

import "slices"

// fields are the members of an object of a decision. Each has its shape, of which the published
// schema is made, beside its reader: there is no member in one of them only.
type fields[T any] []field[T]

type field[T any] struct {
	memberShape
	read func(*T, part) error
}

// into returns a reader that puts a value in its place.
func into[T, V any](place func(*T) *V, read func(part) (V, error)) func(*T, part) error {
	return func(t *T, p part) (err error) {
		*place(t), err = read(p)
		return err
	}
}

// decode reads an object strictly: unknown members and wrong types are errors, so that a
// misspelt obligation is not ignored.
func (fs fields[T]) decode(p part) (v T, err error) {
	var given []string
	err = p.members(func(name string, m part) error {
		i := slices.IndexFunc(fs, func(f field[T]) bool { return f.name == name })
		if i < 0 {
			known := fs.shape("")
			return m.unknown(known.names()...)
		}
		given = append(given, name)
		return fs[i].read(&v, m)
	})
	if err != nil {
		return v, err
	}
	for _, f := range fs {
		if f.required && !slices.Contains(given, f.name) {
			return v, missing(p, f.name, "")
		}
	}
	return v, nil
}

func (fs fields[T]) shape(about string) shape {
	members := make([]memberShape, len(fs))
	for i, f := range fs {
		members[i] = f.memberShape
	}
	return objectShape(about, members...)
}
