package server

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// credentials makes a provider's several credentials; nil when it has api_key or none. Those
// with a key that the current snapshot has too, for the same address, go on from what is
// known of it, whatever they are called.
func (s *Server) credentials(name string, p config.Provider) []*upstream.Credential {
	var list []*upstream.Credential
	for _, k := range p.APIKeys {
		made := upstream.NewCredential(name+"#"+k.Name, k.Weight, signer(p, upstream.Secret(k.Key.Reveal())))
		if old := s.currentCredential(name, p, k); old != nil {
			made.Inherit(old)
		}
		list = append(list, made)
	}
	return list
}

// currentCredential returns the current snapshot's credential with the same key; nil if
// there is none.
func (s *Server) currentCredential(name string, p config.Provider, k config.APIKey) *upstream.Credential {
	sn := s.snapshot.Load()
	if sn == nil || sn.clients[name] == nil || !sn.clients[name].provider.EqualButKeys(p) {
		return nil
	}
	for i, old := range sn.clients[name].provider.APIKeys {
		if old.Key.Equal(k.Key) {
			return sn.clients[name].Credentials()[i]
		}
	}
	return nil
}

// credentialsOf returns the several credentials of a target's provider; nil when it has no
// several ones.
func credentialsOf(clients map[string]*client, target string) []*upstream.Credential {
	provider, _, _ := strings.Cut(target, "/")
	if c := clients[provider]; c != nil {
		return c.Credentials()
	}
	return nil
}

// credential returns the credential with an ID; nil when there is none.
func (sn *snapshot) credential(id string) *upstream.Credential {
	provider, _, _ := strings.Cut(id, "#")
	for _, c := range credentialsOf(sn.clients, provider) {
		if c.ID == id {
			return c
		}
	}
	return nil
}
