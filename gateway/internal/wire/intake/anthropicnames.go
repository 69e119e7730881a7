package intake

// lookupAnthropic finds a name among those known in an object of Anthropic's Messages
// API.
func lookupAnthropic(of object, name []byte) field {
	switch of {
	case messagesBody:
		return messagesField(name)
	case block:
		return blockField(name)
	case source:
		return sourceField(name)
	case userMetadata:
		if string(name) == "user_id" {
			return fUserID
		}
	case outputConfig:
		if string(name) == "format" {
			return fFormat
		}
	}
	return unknown
}

func messagesField(name []byte) field {
	switch string(name) {
	case "model":
		return fModel
	case "messages":
		return fMessages
	case "system":
		return fSystem
	case "stream":
		return fStream
	case "max_tokens":
		return fMaxTokens
	case "metadata":
		return fMetadata
	case "tools":
		return fTools
	case "tool_choice":
		return fToolChoice
	case "thinking":
		return fThinking
	case "output_config":
		return fOutputConfig
	case "output_format":
		return fOutputFormat
	case "service_tier":
		return fServiceTier
	case "speed":
		return fSpeed
	case "inference_geo":
		return fInferenceGeo
	case "stop_sequences":
		return fStopSequences
	case "temperature":
		return fTemperature
	case "top_p":
		return fTopP
	case "top_k":
		return fTopK
	case "context_management":
		return fContextManagement
	}
	return unknown
}

func blockField(name []byte) field {
	switch string(name) {
	case "type":
		return fType
	case "text":
		return fText
	case "source":
		return fSource
	case "content":
		return fContent
	}
	return unknown
}

func sourceField(name []byte) field {
	switch string(name) {
	case "type":
		return fType
	case "data":
		return fData
	case "url":
		return fURL
	case "file_id":
		return fFileID
	case "content":
		return fContent
	}
	return unknown
}
