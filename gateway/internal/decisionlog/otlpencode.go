package decisionlog

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of opentelemetry/proto/collector/logs/v1/logs_service.proto and
// opentelemetry/proto/logs/v1/logs.proto.
const (
	fieldResourceLogs = 1 // of the request

	fieldResource  = 1 // of ResourceLogs
	fieldScopeLogs = 2

	fieldResourceAttributes = 1 // of Resource

	fieldScope      = 1 // of ScopeLogs
	fieldLogRecords = 2

	fieldScopeName = 1 // of InstrumentationScope

	fieldTime         = 1 // of LogRecord
	fieldSeverity     = 2
	fieldSeverityText = 3
	fieldBody         = 5
	fieldAttributes   = 6
	fieldTraceID      = 9
	fieldSpanID       = 10
	fieldObserved     = 11
	fieldEventName    = 12

	fieldKey   = 1 // of KeyValue
	fieldValue = 2

	fieldString = 1 // of AnyValue

	fieldPartialSuccess = 1 // of the response
	fieldRejected       = 1 // of PartialSuccess

	severityInfo = 9
)

// eventPrefix comes before Line.Event in the name of a record's event.
const eventPrefix = "penstock.decision."

// encodeLogs encodes an ExportLogsServiceRequest. A record's body is the line, so that a
// receiver finds in it what a file would have.
func encodeLogs(resource map[string]string, lines []Line) []byte {
	var attributes, scope []byte
	for _, name := range slices.Sorted(maps.Keys(resource)) {
		attributes = appendMessage(attributes, fieldResourceAttributes, keyValue(name, resource[name]))
	}
	scope = appendMessage(scope, fieldScope, appendText(nil, fieldScopeName, "penstock/decisionlog"))
	for i := range lines {
		scope = appendMessage(scope, fieldLogRecords, encodeRecord(&lines[i]))
	}
	group := appendMessage(nil, fieldResource, attributes)
	group = appendMessage(group, fieldScopeLogs, scope)
	return appendMessage(nil, fieldResourceLogs, group)
}

func encodeRecord(l *Line) []byte {
	b := appendTime(nil, fieldTime, l.At)
	b = appendTime(b, fieldObserved, l.At)
	b = protowire.AppendTag(b, fieldSeverity, protowire.VarintType)
	b = protowire.AppendVarint(b, severityInfo)
	b = appendText(b, fieldSeverityText, "INFO")
	b = appendMessage(b, fieldBody, appendText(nil, fieldString, string(l.JSON)))
	b = appendMessage(b, fieldAttributes, keyValue("decision_id", l.DecisionID))
	trace, span := l.Trace.Hex()
	b = appendHex(b, fieldTraceID, trace)
	b = appendHex(b, fieldSpanID, span)
	return appendText(b, fieldEventName, eventPrefix+l.Event)
}

func appendTime(b []byte, field protowire.Number, at time.Time) []byte {
	b = protowire.AppendTag(b, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, uint64(at.UnixNano()))
}

// appendHex appends the bytes of an id, unless it is empty.
func appendHex(b []byte, field protowire.Number, id string) []byte {
	bytes, err := hex.DecodeString(id)
	if err != nil || id == "" {
		return b
	}
	return appendMessage(b, field, bytes)
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendString(b, text)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

func keyValue(name, value string) []byte {
	return appendMessage(appendText(nil, fieldKey, name), fieldValue, appendText(nil, fieldString, value))
}

// rejectedIn returns how many records a reply says were not taken; 0 for one that says
// nothing of them.
func rejectedIn(reply []byte) int {
	count, _ := protowire.ConsumeVarint(find(find(reply, fieldPartialSuccess, protowire.BytesType), fieldRejected, protowire.VarintType))
	return int(min(count, 1<<30))
}

// find returns the content of a field, nil if the message lacks it or is none: the bytes of a
// message, or the encoded varint.
func find(message []byte, field protowire.Number, kind protowire.Type) []byte {
	for len(message) > 0 {
		number, is, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(number, is, message)
		if size < 0 {
			return nil
		}
		if number == field && is == kind {
			if kind == protowire.BytesType {
				inner, _ := protowire.ConsumeBytes(message)
				return inner
			}
			return message[:size]
		}
		message = message[size:]
	}
	return nil
}
