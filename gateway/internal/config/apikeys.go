package config

import (
	"fmt"
	"slices"
	"strconv"
)

// maxAPIKeys bounds the credentials of a provider.
const maxAPIKeys = 32

// checkAPIKeys checks a provider's several credentials, and names those without a name.
func (d *decoder) checkAPIKeys(path string, p *Provider) {
	at := Path(path, "api_keys")
	if _, given := d.at[at]; !given {
		return
	}
	switch n := len(p.APIKeys); {
	case n == 0:
		d.fault(at, nil, "list at least one, or write api_key", "is empty")
	case n > maxAPIKeys:
		d.fault(at, nil, "split them over several providers", "has %d credentials; at most %d are allowed", n, maxAPIKeys)
	case !p.APIKey.IsZero():
		d.fault(at, nil, "add the one of api_key to the list", "api_key and api_keys cannot be used together")
	}
	for i := range p.APIKeys {
		if k := &p.APIKeys[i]; k.Name == "" {
			k.Name = strconv.Itoa(i + 1)
		}
		d.checkAPIKey(fmt.Sprintf("%s[%d]", at, i), p.APIKeys[:i], &p.APIKeys[i])
	}
}

// checkAPIKey checks a credential against those before it.
func (d *decoder) checkAPIKey(at string, before []APIKey, k *APIKey) {
	if !isName(k.Name) {
		d.fault(Path(at, "name"), nil, "use lower-case letters, digits, dot, dash and underscore", "invalid name %q", k.Name)
	}
	if !(k.Weight > 0 && k.Weight <= 1e6) {
		d.fault(Path(at, "weight"), nil, "leave it out for 1", "must be more than 0 and at most 1000000")
	}
	for i, other := range before {
		if other.Name == k.Name {
			d.fault(Path(at, "name"), nil, "choose another name", "%q is also the name of number %d", k.Name, i+1)
		}
		if !k.Key.IsZero() && other.Key.String() == k.Key.String() {
			d.fault(at, nil, "keep one of them and give it a weight", "is the same credential as number %d", i+1)
		}
	}
}

// sameKeys lists the credentials of a provider that have the key of another one.
func (p Provider) sameKeys() (names []string) {
	for i, k := range p.APIKeys {
		if slices.ContainsFunc(p.APIKeys[:i], func(other APIKey) bool { return other.Key.Equal(k.Key) }) {
			names = append(names, k.Name)
		}
	}
	return names
}

func (d *decoder) checkRetryBudget(b RetryBudget) {
	if !(b.Share >= 0 && b.Share <= 100) {
		d.fault("retry_budget.share", nil, "write how many retries each request allows, such as 0.2", "must be between 0 and 100")
	}
	if !(b.PerSecond >= 0 && b.PerSecond <= 1e6) {
		d.fault("retry_budget.per_second", nil, "", "must be between 0 and 1000000")
	}
	if b.Burst < 0 || b.Burst > 1e6 {
		d.fault("retry_budget.burst", nil, "0 allows no retries at all", "must be between 0 and 1000000")
	}
}
