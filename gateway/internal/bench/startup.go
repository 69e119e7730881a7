package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// startup is one cold start of the gateway.
type startup struct {
	// First is the time from exec to the first answer, Anthropic that to the first
	// translated one, which is requested right after.
	First, Anthropic time.Duration
	// Idle is the memory after that, before any load.
	Idle memory
}

// startups are the cold starts with an empty and with a filled folder of compiled
// modules.
type startups struct{ Empty, Warm []startup }

// measureStartups starts and stops the gateway as many times with each folder.
func measureStartups(ctx context.Context, g *penstock, times int) (startups, error) {
	var s startups
	for i := range times {
		modules := filepath.Join(g.dir, fmt.Sprintf("modules-%d", i))
		empty, err := measureStartup(ctx, g, modules)
		if err != nil {
			return s, fmt.Errorf("cold start: %w", err)
		}
		warm, err := measureStartup(ctx, g, modules)
		if err != nil {
			return s, fmt.Errorf("cold start from the compile cache: %w", err)
		}
		s.Empty, s.Warm = append(s.Empty, empty), append(s.Warm, warm)
	}
	return s, nil
}

func measureStartup(ctx context.Context, g *penstock, modules string) (startup, error) {
	begin := time.Now()
	p, err := g.start(ctx, modules)
	if err != nil {
		return startup{}, err
	}
	defer p.stop()
	if err := g.answers(ctx, p, modelPlain); err != nil {
		return startup{}, err
	}
	s := startup{First: time.Since(begin)}
	if err := g.answers(ctx, p, modelCross); err != nil {
		return startup{}, err
	}
	s.Anthropic = time.Since(begin)
	s.Idle, err = residentMemory(p.pid())
	return s, err
}

// seconds returns one duration of each startup.
func seconds(all []startup, pick func(startup) time.Duration) []float64 {
	var values []float64
	for _, s := range all {
		values = append(values, pick(s).Seconds())
	}
	return values
}
