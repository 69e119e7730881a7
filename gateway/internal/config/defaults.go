package config

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/similar"
)

// setDefaults sets the defaults of v, a pointer to a part of the configuration. All
// defaults are here; the decoder calls it on every part before it reads the file.
func setDefaults(v any) {
	switch c := v.(type) {
	case *Config:
		c.Listen = "127.0.0.1:8080"
		c.Keys = KeysRequired // Discover, which has no file, sets off
		c.State = "memory"
		c.Unpriced = UnpricedDeny
		c.Retention = 90 * 24 * time.Hour
		c.OnLedgerFailure = LedgerRefuse
		c.TimeZone = "UTC"
	case *Ledger:
		c.URL = "sqlite://penstock.db"
		c.Sync = SyncNormal
	case *Admin:
		c.Listen = "127.0.0.1:8081"
		c.Auth = AuthLoopback
	case *Issuer:
		c.Algorithms = []Algorithm{"RS256", "PS256", "ES256", "EdDSA"}
		c.Leeway = 30 * time.Second
		c.MaxLifetime = 24 * time.Hour
	case *IssuerClaims:
		c.User = "sub"
	case *Server:
		c.MaxBody = 32 << 20
		c.MaxReply = 32 << 20
		c.MaxRequests = 10_000
		c.HeaderTimeout = 5 * time.Second
		c.BodyTimeout = 2 * time.Minute
		c.WriteTimeout = 30 * time.Second
		c.DrainDelay = time.Second
		c.Grace = 30 * time.Second
	case *Media:
		c.Timeout = 10 * time.Second
	case *Queue:
		c.Size = 1_000
		c.Wait = 10 * time.Second
	case *Provider:
		c.StreamUsage = StreamUsage(llm.StreamUsageAuto)
		c.OutputLimit = OutputAuto
	case *HealthProbe:
		c.Timeout = 5 * time.Second
		c.Ask = ProbeModels
	case *Endpoint:
		c.StreamType = "text/event-stream; charset=utf-8"
	case *Model:
		c.Router = DefaultRouter()
		c.Empty = EmptyFallback
		c.PromptCache = PromptCacheOff
		c.OnUnsupported = DropUnsupported
	case *Retries:
		c.Attempts = 2
		c.Total = 10
		c.Backoff = Span{200 * time.Millisecond, 5 * time.Second}
	case *Timeout:
		c.FirstToken = 12 * time.Second
		c.Idle = 20 * time.Second
		c.PingIdle = 2 * time.Minute
		c.KeepAlive = 5 * time.Second
		c.Total = 10 * time.Minute
	case *Stream:
		c.Resume = ResumeAuto
		c.Abandoned = CancelAbandoned
	case *Escalate:
		c.On = []Check{Check(llm.CheckEmpty), Check(llm.CheckRefusal), Check(llm.CheckJSON)}
		c.Max = 3
	case *SelfScore:
		c.Below = 0.6
		c.Timeout = 2 * time.Second
	case *Classify:
		c.Timeout = 300 * time.Millisecond
	case *Mirror:
		c.Share = 1
		c.MaxInflight = 10
		c.Timeout = 2 * time.Minute
	case *RouteCache:
		setDefaults(&c.Similar)
		c.Coalesce = CoalesceOn
	case *Similar:
		c.Mode = SimilarMode(llm.SimilarOff)
		c.Threshold = similar.DefaultThreshold
		c.Embedder = similar.Lexical
		c.MaxChars = similar.DefaultMaxChars
	case *Target:
		c.Weight = 1
	case *APIKey:
		c.Weight = 1
	case *RetryBudget:
		c.Share = 0.2
		c.PerSecond = 10
		c.Burst = 100
	case *Cache:
		c.Size = 256 << 20
	case *Telemetry:
		c.Sample = 0.1
		c.Content = Off
		c.Propagate = On
		c.Service = "penstock"
	case *Log:
		c.Format = LogText
		c.Level = LogInfo
		c.Access = On
	case *DecisionLog:
		c.Keep = 5
		c.Queue = 2048
	case *Policies:
		c.Every = time.Minute
		c.Timeout = 10 * time.Second
		c.MaxSize = 16 << 20
	}
}
