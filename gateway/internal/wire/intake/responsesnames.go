package intake

// lookupResponses finds a name among those known in an object of the Responses API.
func lookupResponses(of object, name []byte) field {
	switch of {
	case responsesBody:
		return responsesField(name)
	case item:
		return itemField(name)
	case itemPart:
		return itemPartField(name)
	case reasoningConfig:
		if string(name) == "effort" {
			return fEffort
		}
	case textConfig:
		if string(name) == "format" {
			return fFormat
		}
	}
	return unknown
}

func responsesField(name []byte) field {
	switch string(name) {
	case "input":
		return fInput
	case "instructions":
		return fInstructions
	case "max_output_tokens":
		return fMaxOutputTokens
	case "reasoning":
		return fReasoning
	case "text":
		return fTextConfig
	case "model", "stream", "user", "metadata", "tools", "service_tier", "prompt_cache_key", "top_logprobs", "temperature", "top_p",
		"tool_choice", "parallel_tool_calls", "store", "safety_identifier":
		return chatField(name)
	}
	return unknown
}

func itemField(name []byte) field {
	switch string(name) {
	case "type":
		return fType
	case "role":
		return fRole
	case "content":
		return fContent
	case "output":
		return fOutput
	case "result":
		return fResult
	}
	return unknown
}

func itemPartField(name []byte) field {
	switch string(name) {
	case "type":
		return fType
	case "text":
		return fText
	case "image_url":
		return fImageURL
	case "file_url":
		return fFileURL
	case "file_data":
		return fFileData
	case "file_id":
		return fFileID
	case "input_audio":
		return fInputAudio
	}
	return unknown
}
