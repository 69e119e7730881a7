package oidc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keyIDPrefix begins the KeyID of every subject. Virtual keys have ids without a colon.
const keyIDPrefix = "oidc:"

// Subject returns the principal of a KeyID such as oidc:corp:ada, with what the issuer's callers
// have where their claims say nothing. It reports false if the KeyID is of no issuer.
func (s *Issuers) Subject(keyID string) (llm.Principal, bool) {
	rest, isSubject := strings.CutPrefix(keyID, keyIDPrefix)
	name, subject, _ := strings.Cut(rest, ":")
	i := slices.IndexFunc(s.all, func(is *issuer) bool { return is.Name == name })
	if !isSubject || i < 0 || checkText(subject, maxSubject) != nil {
		return llm.Principal{}, false
	}
	d := s.all[i].Defaults
	return llm.Principal{KeyID: keyID, Name: rest, Team: d.Team, User: subject, Roles: d.Roles, Models: d.Models, Tags: d.Tags}, true
}

// principal makes the principal of a verified token. Errors complete the sentence "The token
// …". The principal has lists and maps of its own or of the issuer's options, which nobody
// changes.
func (is *issuer) principal(c claims, expires time.Time) (llm.Principal, error) {
	subject, _ := c["sub"].(string)
	if err := checkText(subject, maxSubject); err != nil {
		return llm.Principal{}, fmt.Errorf("has no usable subject (sub): it %w", err)
	}
	p := llm.Principal{KeyID: keyIDPrefix + is.Name + ":" + subject, Expires: expires}
	var err error
	if p.User, err = is.user(c, subject); err != nil {
		return llm.Principal{}, err
	}
	p.Name = is.Name + ":" + p.User // never the name of a virtual key that a caller could choose
	if p.Team, err = is.team(c); err != nil {
		return llm.Principal{}, err
	}
	if p.Roles, err = is.roles(c); err != nil {
		return llm.Principal{}, err
	}
	if p.Models, err = is.models(c); err != nil {
		return llm.Principal{}, err
	}
	p.Tags, err = is.tags(c)
	return p, err
}

func (is *issuer) user(c claims, subject string) (string, error) {
	path := is.Claims.User
	if path == "" {
		path = "sub"
	}
	value, given := c.at(path)
	user, isText := value.(string)
	if path == "sub" {
		user, isText, given = subject, true, true
	}
	switch {
	case !given:
		return "", fmt.Errorf("lacks the claim %s, which names the user", path)
	case !isText:
		return "", fmt.Errorf("has a claim %s that is not text", path)
	}
	if err := checkText(user, maxSubject); err != nil {
		return "", fmt.Errorf("has a claim %s that %w", path, err)
	}
	return user, nil
}

// team returns the team: of several values the first that Teams has. A token without a team is
// refused unless there is a default, since limits of teams would not apply to it.
func (is *issuer) team(c claims) (string, error) {
	path := is.Claims.Team
	if path == "" {
		return is.Defaults.Team, nil
	}
	values, err := c.texts(path)
	if err != nil {
		return "", err
	}
	if is.Teams != nil {
		for _, value := range values {
			if team, known := is.Teams[value]; known {
				return team, nil
			}
		}
		values = nil
	}
	switch {
	case len(values) == 0 && is.Defaults.Team != "":
		return is.Defaults.Team, nil
	case len(values) == 0:
		return "", fmt.Errorf("belongs to no team: its claim %s has none that this gateway knows", path)
	case len(values) > 1:
		return "", fmt.Errorf("has several values in its claim %s, and the gateway's configuration does not say which of them is a team", path)
	}
	if err := checkText(values[0], maxText); err != nil {
		return "", fmt.Errorf("has a claim %s that %w", path, err)
	}
	return values[0], nil
}

// roles returns the roles that Roles has for the values of the claim, or for its one text.
func (is *issuer) roles(c claims) ([]string, error) {
	if is.Claims.Roles == "" {
		return is.Defaults.Roles, nil
	}
	values, err := c.words(is.Claims.Roles)
	if err != nil {
		return nil, err
	}
	if text, _ := c.at(is.Claims.Roles); text != nil {
		if whole, isText := text.(string); isText {
			values = append(values, whole) // a role's name may hold blanks
		}
	}
	var roles []string
	for _, value := range values {
		roles = append(roles, is.Roles[value]...)
	}
	if len(roles) == 0 {
		return is.Defaults.Roles, nil
	}
	slices.Sort(roles)
	return slices.Compact(roles), nil
}

// models returns the models that the caller may ask for. A claim that is configured and missing
// is not taken as all of them.
func (is *issuer) models(c claims) ([]string, error) {
	path := is.Claims.Models
	if path == "" {
		return is.Defaults.Models, nil
	}
	models, err := c.words(path)
	if err != nil {
		return nil, err
	}
	switch {
	case len(models) == 0 && len(is.Defaults.Models) > 0:
		return is.Defaults.Models, nil
	case len(models) == 0:
		return nil, fmt.Errorf("allows no model: its claim %s is empty or missing", path)
	case len(models) > maxList:
		return nil, fmt.Errorf("has more than %d models in its claim %s", maxList, path)
	}
	for _, model := range models {
		if err := checkText(model, maxText); err != nil {
			return nil, fmt.Errorf("has a claim %s with an element that %w", path, err)
		}
	}
	return models, nil
}

// tags returns the tags. Those whose claim is missing have their default, or are left out.
func (is *issuer) tags(c claims) (map[string]string, error) {
	if len(is.Claims.Tags) == 0 {
		return is.Defaults.Tags, nil
	}
	tags := maps.Clone(is.Defaults.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	for name, path := range is.Claims.Tags {
		if _, given := c.at(path); !given {
			continue
		}
		values := c.scalars(path)
		if len(values) != 1 {
			return nil, fmt.Errorf("has a claim %s that is not one text, number, true or false", path)
		}
		if err := checkText(values[0], maxText); err != nil {
			return nil, fmt.Errorf("has a claim %s that %w", path, err)
		}
		if _, known := llm.ParsePriority(values[0]); name == llm.PriorityTag && !known {
			return nil, fmt.Errorf("has a claim %s that is not high, normal or low", path)
		}
		tags[name] = values[0]
	}
	return tags, nil
}
