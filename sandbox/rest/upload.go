package rest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// recordBody reads a record: a JSON object, or a multipart body of one and the
// bytes of a base64 field, whose part has the field's name. Either may be first.
func (c *call) recordBody(obj *schema.Object) (org.Body, error) {
	mediaType, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(mediaType, "multipart/") {
		return parseRecord(c.body)
	}
	bad := func(words string) error {
		return failf(http.StatusBadRequest, "INVALID_MULTIPART_REQUEST", "%s", words)
	}
	mr := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	var body org.Body
	var blobs org.Body
	for {
		part, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad("multipart body can't be read: " + err.Error())
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, bad("multipart body can't be read: " + err.Error())
		}
		if f, ok := obj.Field(part.FormName()); ok && f.Type == schema.TypeBase64 {
			blobs = append(blobs, org.Input{Name: f.Name, Raw: base64.StdEncoding.EncodeToString(data)})
			continue
		}
		if body != nil {
			return nil, bad("part " + part.FormName() + " is no field of binary content")
		}
		if body, err = parseRecord(data); err != nil {
			return nil, err
		}
	}
	if body == nil {
		return nil, bad("the request has no part with the record")
	}
	return append(body, blobs...), nil
}
