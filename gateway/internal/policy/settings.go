package policy

import (
	"slices"
	"strings"
)

// The settings files configure the default rules without Rego. These types are their only
// declaration: the strict reader, the JSON Schemas and the messages are made from them. Tags
// give a member's name and, for editors, what it means.

// Names of the settings files, at the root of the policies folder.
const (
	teamsFile  = "teams.yaml"
	limitsFile = "limits.yaml"
	modelsFile = "models.yaml"
)

// settingsNames are the settings files, without .yaml.
var settingsNames = []string{"limits", "models", "teams"}

func isSettings(path string) bool {
	name, ok := strings.CutSuffix(path, ".yaml")
	return ok && slices.Contains(settingsNames, name)
}

// settings are the parsed settings files.
type settings struct {
	teams  teamSettings
	limits limitSettings
	models modelSettings
	// The names of their files for messages.
	teamsName, limitsName, modelsName string
}

// teamSettings is teams.yaml.
type teamSettings struct {
	Defaults *allowance            `yaml:"defaults" doc:"What holds for each team. A member that a team has itself replaces the one here."`
	Teams    map[string]*allowance `yaml:"teams" doc:"Teams by name, with what differs from the defaults."`
}

// limitSettings is limits.yaml.
type limitSettings struct {
	Everyone *allowance          `yaml:"everyone" doc:"What holds for all requests together."`
	Keys     *byName             `yaml:"keys" doc:"What holds for virtual keys. Each key has limits of its own, even if several have the same name."`
	Users    *byName             `yaml:"users" doc:"What holds for users, whichever of their keys they use."`
	Tags     map[string]*byValue `yaml:"tags" doc:"What holds for the values of a tag, such as usecase."`
	Sessions *sessionSettings    `yaml:"sessions" doc:"What one session of an agent may use."`
	Raises   []*raise            `yaml:"raises" doc:"Temporary raises of limits."`
}

// modelSettings is models.yaml.
type modelSettings struct {
	Defaults    *modelRules            `yaml:"defaults" doc:"What holds for each model. A member that a model has itself replaces the one here."`
	Models      map[string]*modelRules `yaml:"models" doc:"Models by the name that clients ask for; * matches any characters. An exact name goes first, then the longest pattern."`
	DataClasses map[string]*dataClass  `yaml:"data_classes" doc:"Where requests with a class of data may go. A request has the classes in the tag data_class of its key and caller."`
}

// allowance is what a team, key, user or tag, or everyone, may use.
type allowance struct {
	quotas
	Models          texts        `yaml:"models" doc:"The models that may be used, by the name that clients ask for; * matches any characters. Left out or empty: all."`
	Hours           []*hoursRule `yaml:"hours" doc:"When models may be used. Every entry holds."`
	MaxOutputTokens *tokenCap    `yaml:"max_output_tokens" doc:"The most output tokens of one request. A larger bound of the client is lowered."`
	PastSoft        *pastSoft    `yaml:"past_soft" doc:"What serves requests while a soft limit is exceeded."`
	place
}

// quotas are amounts by window.
type quotas struct {
	Budget       map[window]*dollars `yaml:"budget" doc:"US dollars by window, such as {day: 50, month: 800}."`
	Requests     map[window]*count   `yaml:"requests" doc:"Requests by window, such as {day: 10000}."`
	Tokens       map[window]*count   `yaml:"tokens" doc:"Input and output tokens by window."`
	InputTokens  map[window]*count   `yaml:"input_tokens" doc:"Input tokens by window."`
	OutputTokens map[window]*count   `yaml:"output_tokens" doc:"Output tokens by window."`
	RPM          *count              `yaml:"rpm" doc:"Requests per minute, the same as requests: {1m: …}."`
	TPM          *count              `yaml:"tpm" doc:"Input and output tokens per minute, the same as tokens: {1m: …}."`
	Concurrent   *count              `yaml:"concurrent" doc:"Requests at the same time."`
}

// byName are the keys or users.
type byName struct {
	Defaults *allowance            `yaml:"defaults" doc:"What holds for each of them. A member of a name's own replaces the one here."`
	ByName   map[string]*allowance `yaml:"by_name" doc:"By name, with what differs from the defaults."`
	place
}

// byValue are the values of a tag.
type byValue struct {
	Required bool                  `yaml:"required" doc:"Refuse requests without the tag, and if there are no defaults, those with a value that is not in by_value."`
	Defaults *allowance            `yaml:"defaults" doc:"What holds for each value. A member of a value's own replaces the one here."`
	ByValue  map[string]*allowance `yaml:"by_value" doc:"By value, with what differs from the defaults."`
	place
}

// sessionSettings bound the sessions of agents.
type sessionSettings struct {
	Required bool                         `yaml:"required" doc:"Refuse requests that name no session, so that nobody gets around its limits by leaving it out."`
	Window   window                       `yaml:"window" doc:"How long the use of a session counts, such as 168h, the default: seven days."`
	Defaults *sessionAllowance            `yaml:"defaults" doc:"What each session may use."`
	ByTeam   map[string]*sessionAllowance `yaml:"by_team" doc:"What differs in sessions of a team. A member here replaces the one of the defaults."`
	place
}

// sessionAllowance is what one session may use.
type sessionAllowance struct {
	Budget     *dollars  `yaml:"budget" doc:"US dollars of the whole session."`
	Turns      *count    `yaml:"turns" doc:"Requests of the whole session."`
	Tokens     *count    `yaml:"tokens" doc:"Input and output tokens of the whole session."`
	Concurrent *count    `yaml:"concurrent" doc:"Requests of the session at the same time."`
	PastSoft   *pastSoft `yaml:"past_soft" doc:"What serves requests while a soft limit of the session is exceeded."`
	place
}

// modelRules is what holds for one model.
type modelRules struct {
	quotas
	Teams           texts        `yaml:"teams" doc:"The teams that may use the model. Left out: all."`
	Hours           []*hoursRule `yaml:"hours" doc:"When the model may be used. Every entry holds."`
	MaxOutputTokens *tokenCap    `yaml:"max_output_tokens" doc:"The most output tokens of one request. A larger bound of the client is lowered."`
	PastSoft        *pastSoft    `yaml:"past_soft" doc:"What serves requests while a soft limit of the model is exceeded."`
	place
}

// dataClass is where data of a class may go. Every member holds.
type dataClass struct {
	Targets texts `yaml:"targets" doc:"The targets that may be asked, such as local/*; * matches any characters."`
	Regions texts `yaml:"regions" doc:"The regions of the targets that may be asked. A target without a region is not."`
	place
}

// hoursRule is one entry of hours.
type hoursRule struct {
	Models texts `yaml:"models" doc:"The models it holds for; * matches any characters. Left out: all. Not in models.yaml."`
	Open   spans `yaml:"open" doc:"When they may be used, such as Mon-Fri 08:00-18:00, in the time zone of the configuration. Not together with closed."`
	Closed spans `yaml:"closed" doc:"When they may not be used, such as 22:00-06:00. A span across midnight belongs to the day on which it begins."`
	place
}

// pastSoft has exactly one member.
type pastSoft struct {
	Model  string            `yaml:"model" doc:"The model that serves all requests."`
	Models map[string]string `yaml:"models" doc:"Which model serves requests for which, such as {smart: fast}. Other models stay."`
	Route  string            `yaml:"route" doc:"The route that serves all requests."`
	place
}

// raise lifts one limit for some time. Exactly one of the first members says whose.
type raise struct {
	Team     string            `yaml:"team" doc:"The team whose limit is raised."`
	Key      string            `yaml:"key" doc:"The name of the keys whose limit is raised."`
	User     string            `yaml:"user" doc:"The user whose limit is raised."`
	Tag      map[string]string `yaml:"tag" doc:"The tag and value whose limit is raised, such as {usecase: support}."`
	Everyone bool              `yaml:"everyone" doc:"Raise the limit for all requests together."`
	Unit     string            `yaml:"unit" doc:"What is raised." enum:"usd requests tokens input_tokens output_tokens concurrent" default:"usd"`
	Window   window            `yaml:"window" doc:"The window of the limit. Left out for concurrent."`
	Add      *addition         `yaml:"add" doc:"By how much, in US dollars or as a count." required:"yes"`
	From     date              `yaml:"from" doc:"The first day, such as 2026-12-01. Left out: at once."`
	Until    date              `yaml:"until" doc:"The last day, such as 2026-12-31." required:"yes"`
	Reason   string            `yaml:"reason" doc:"Why, for whoever reads the file."`
	place
}
