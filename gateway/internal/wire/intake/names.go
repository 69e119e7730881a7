package intake

// object is a kind of object that the gateway reads. Members of other objects are
// opaque.
type object uint8

const (
	chatBody object = iota
	message
	part
	medium
	tool
	streamOptions
	metadata
	responseFormat
	cacheControl

	// Of Anthropic's Messages API:
	messagesBody
	block
	source
	userMetadata
	thinking
	outputConfig

	// Of OpenAI's Responses API:
	responsesBody
	item
	itemPart
	reasoningConfig
	textConfig

	embeddingsBody
	completionsBody

	// Of Google's generateContent:
	geminiBody
	content
	geminiPart
	geminiResult
	inlineMedium
	geminiToolObject
	geminiConfig

	// Of Google's countTokens, embedContent and batchEmbedContents:
	countTokensBody
	embedContentBody
	batchEmbedBody
)

// isBody reports whether an object is the outermost one.
func (o object) isBody() bool {
	switch o {
	case chatBody, messagesBody, responsesBody, embeddingsBody, completionsBody, geminiBody, countTokensBody, embedContentBody, batchEmbedBody:
		return true
	}
	return false
}

// modelInPath reports whether the path names the model, so that the body need not.
func (o object) modelInPath() bool { return o.isBody() && o >= geminiBody }

// lookup finds a name among those known in an object of this kind.
func lookup(of object, name []byte) field {
	if string(name) == "cache" && of.isBody() {
		return fCache
	}
	switch of {
	case chatBody:
		return chatField(name)
	case message:
		return messageField(name)
	case part:
		return partField(name)
	case medium:
		return mediumField(name)
	case cacheControl:
		return cacheField(name)
	case streamOptions:
		if string(name) == "include_usage" {
			return fIncludeUsage
		}
	case responseFormat, tool, thinking:
		if string(name) == "type" {
			return fType
		}
	}
	if of < responsesBody {
		return lookupAnthropic(of, name)
	}
	if of == embeddingsBody {
		return embeddingsField(name)
	}
	if of == completionsBody {
		return completionsField(name)
	}
	if of >= geminiBody {
		return lookupGemini(of, name)
	}
	return lookupResponses(of, name)
}

func mediumField(name []byte) field {
	switch string(name) {
	case "url":
		return fURL
	case "data":
		return fData
	case "file_data":
		return fFileData
	case "file_id":
		return fFileID
	}
	return unknown
}

func chatField(name []byte) field {
	switch string(name) {
	case "model":
		return fModel
	case "messages":
		return fMessages
	case "stream":
		return fStream
	case "stream_options":
		return fStreamOptions
	case "max_tokens":
		return fMaxTokens
	case "max_completion_tokens":
		return fMaxCompletionTokens
	case "n":
		return fN
	case "user":
		return fUser
	case "metadata":
		return fMetadata
	case "tools":
		return fTools
	case "functions":
		return fFunctions
	case "response_format":
		return fResponseFormat
	case "reasoning_effort":
		return fReasoningEffort
	case "logprobs":
		return fLogprobs
	case "top_logprobs":
		return fTopLogprobs
	case "modalities":
		return fModalities
	case "web_search_options":
		return fWebSearchOptions
	}
	return passThroughField(name)
}

// passThroughField finds the members that are known by name only.
func passThroughField(name []byte) field {
	switch string(name) {
	case "temperature":
		return fTemperature
	case "top_p":
		return fTopP
	case "stop":
		return fStop
	case "seed":
		return fSeed
	case "tool_choice":
		return fToolChoice
	case "parallel_tool_calls":
		return fParallelToolCalls
	case "function_call":
		return fFunctionCall
	case "service_tier":
		return fServiceTier
	case "store":
		return fStore
	case "audio":
		return fAudio
	case "prediction":
		return fPrediction
	case "verbosity":
		return fVerbosity
	case "logit_bias":
		return fLogitBias
	case "frequency_penalty":
		return fFrequencyPenalty
	case "presence_penalty":
		return fPresencePenalty
	case "safety_identifier":
		return fSafetyIdentifier
	case "prompt_cache_key":
		return fPromptCacheKey
	}
	return unknown
}

func messageField(name []byte) field {
	switch string(name) {
	case "role":
		return fRole
	case "content":
		return fContent
	case "name":
		return fName
	case "tool_calls":
		return fToolCalls
	case "tool_call_id":
		return fToolCallID
	case "refusal":
		return fRefusal
	case "audio":
		return fAudio
	case "function_call":
		return fFunctionCall
	}
	return unknown
}

func partField(name []byte) field {
	switch string(name) {
	case "type":
		return fType
	case "text":
		return fText
	case "image_url":
		return fImageURL
	case "input_audio":
		return fInputAudio
	case "file":
		return fFile
	case "refusal":
		return fRefusal
	}
	return unknown
}

func cacheField(name []byte) field {
	switch string(name) {
	case "ttl":
		return fTTL
	case "s-maxage", "s-max-age":
		return fSMaxAge
	case "no-cache":
		return fNoCache
	case "no-store":
		return fNoStore
	case "namespace":
		return fNamespace
	case "use-cache":
		return fUseCache
	}
	return unknown
}
