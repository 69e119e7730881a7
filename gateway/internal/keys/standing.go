package keys

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// standing is what bounds a key by its team and its user; both are nil where none is kept.
type standing struct {
	team *Team
	user *User
}

func standingOf(ctx context.Context, q querier, team, user string) (s standing, err error) {
	if team != "" {
		t, err := selectTeam(ctx, q, team)
		if err == nil {
			s.team = &t
		} else if !isNotFound(err) {
			return s, err
		}
	}
	if user != "" {
		u, err := selectUser(ctx, q, user)
		if err == nil {
			s.user = &u
		} else if !isNotFound(err) {
			return s, err
		}
	}
	return s, nil
}

func isNotFound(err error) bool {
	var e *llm.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Admit returns a principal as its team and its user let it be, whatever credential it comes
// from: with the team's tags, its bound on models and the user's on roles. It is an
// *llm.Error with status 403 when one of them is blocked, or the user is not a member. Teams
// and users are cached like keys.
func (k *Keys) Admit(ctx context.Context, p llm.Principal) (llm.Principal, error) {
	if err := k.refresh(ctx, k.now()); err != nil {
		return llm.Principal{}, unreadable(err)
	}
	s, epoch, known := k.cache.standing(p.Team, p.User)
	if !known {
		var err error
		if s, err = standingOf(ctx, k.db, p.Team, p.User); err != nil {
			return llm.Principal{}, unreadable(err)
		}
		k.cache.putStanding(p.Team, p.User, s, epoch)
	}
	return s.admit(p)
}

func isRefusal(err error) bool {
	var e *llm.Error
	return errors.As(err, &e)
}

func admit(ctx context.Context, q querier, p llm.Principal) (llm.Principal, error) {
	s, err := standingOf(ctx, q, p.Team, p.User)
	if err != nil {
		return llm.Principal{}, err
	}
	return s.admit(p)
}

// admit returns a principal as its team and its user let it be. It shares lists and maps with
// p and the team.
func (s *standing) admit(p llm.Principal) (llm.Principal, error) {
	if err := s.refuses(&p); err != nil {
		return llm.Principal{}, err
	}
	if s.user != nil {
		p.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(role string) bool { return !s.user.permits(role) })
	}
	if s.team == nil {
		return p, nil
	}
	var none bool
	if p.Models, none = intersect(p.Models, s.team.Models); none {
		return llm.Principal{}, forbidden("The team " + llm.Quote(p.Team) + " permits none of the models of this key; ask the gateway's operator.")
	}
	if len(s.team.Tags) > 0 {
		tags := maps.Clone(p.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, s.team.Tags)
		p.Tags = tags
	}
	return p, nil
}

// refuses returns why a principal may do nothing.
func (s *standing) refuses(p *llm.Principal) error {
	switch {
	case s.user != nil && s.user.Blocked:
		return forbidden("The user " + llm.Quote(p.User) + " is blocked; ask the gateway's operator.")
	case s.team == nil:
		return nil
	case s.team.Blocked:
		return forbidden("The team " + llm.Quote(p.Team) + " is blocked; ask the gateway's operator.")
	case p.User != "" && len(s.team.Members) > 0 && s.team.Members[p.User] == "":
		return forbidden("The user " + llm.Quote(p.User) + " is not a member of the team " + llm.Quote(p.Team) + "; ask the gateway's operator.")
	}
	return nil
}
