package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/synclinehq/syncline/sandbox/org"
)

const maxDepth = 50

// parseBody reads a JSON body: objects become org.Body in the order of their
// members, arrays []any, numbers json.Number.
func parseBody(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if err != nil {
		return nil, parserError(dec, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, parserError(dec, fmt.Errorf("unexpected content after the end of the body"))
	}
	return v, nil
}

func parserError(dec *json.Decoder, err error) *callError {
	return failf(http.StatusBadRequest, "JSON_PARSER_ERROR", "%s at [line:1, column:%d]", err, dec.InputOffset()+1)
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("body is nested deeper than %d levels", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("unexpected end or character: %w", err)
	}
	switch tok {
	case json.Delim('{'):
		return parseObject(dec, depth)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	return tok, nil
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	body := org.Body{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("unexpected member name %v", key)
		}
		body = append(body, org.Input{Name: name, Raw: v})
	}
	_, err := dec.Token()
	return body, err
}

// parseRecord reads a body that must be one object.
func parseRecord(data []byte) (org.Body, error) {
	v, err := parseBody(data)
	if err != nil {
		return nil, err
	}
	body, ok := v.(org.Body)
	if !ok {
		return nil, failf(http.StatusBadRequest, "JSON_PARSER_ERROR", "The HTTP entity body is not a JSON object at [line:1, column:1]")
	}
	return body, nil
}

// without drops a member by name and gives its value.
func without(b org.Body, name string) (rest org.Body, value any, found bool) {
	value, found = b.Get(name)
	if !found {
		return b, nil, false
	}
	rest = make(org.Body, 0, len(b)-1)
	for _, in := range b {
		if !equalFold(in.Name, name) {
			rest = append(rest, in)
		}
	}
	return rest, value, true
}
