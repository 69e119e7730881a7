package completions_test

import "github.com/penstock/penstock/plugins/dialects/dialecttest"

var host = dialecttest.Host{Dialect: "openai-completions", Model: "m"}
