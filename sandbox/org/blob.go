package org

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"path"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// blobs checks the bytes of base64 fields that the write sets and derives what
// the org says of them: size, checksum, type of file.
func (c *change) blobs() error {
	for _, f := range c.obj.Fields {
		if f.Type != schema.TypeBase64 || !c.set[f.Slot] {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(c.values[f.Slot].Str())
		if err != nil {
			return rowErr("INVALID_BASE64_CONTENT", []string{f.Name}, "%s: value is not base64", f.Label)
		}
		sum := md5.Sum(data)
		c.derive("BodyLength", schema.Number(float64(len(data))))
		c.derive("ContentSize", schema.Number(float64(len(data))))
		c.derive("Checksum", schema.Text(hex.EncodeToString(sum[:])))
	}
	if c.insert && c.obj.Name == "ContentVersion" {
		c.version()
	}
	return nil
}

// version fills what a new version of a file gets.
func (c *change) version() {
	if f, ok := c.obj.Field("PathOnClient"); ok {
		ext := strings.TrimPrefix(path.Ext(c.values[f.Slot].Str()), ".")
		c.derive("FileExtension", schema.Text(ext))
		c.derive("FileType", schema.Text(strings.ToUpper(ext)))
	}
	c.derive("IsLatest", schema.Bool(true))
	c.derive("VersionNumber", schema.Text("1"))
}

func (c *change) derive(field string, v schema.Value) {
	if f, ok := c.obj.Field(field); ok && f.Stored() {
		c.values[f.Slot] = v
	}
}
