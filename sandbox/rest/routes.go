package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// releaseName is the season that brought a version: v68 is Winter '27, v67
// Summer '26, v66 Spring '26, three a year.
func releaseName(version int) string {
	seasons := [3]string{"Winter", "Spring", "Summer"}
	return fmt.Sprintf("%s '%02d", seasons[(version+1)%3], (version+1)/3+4)
}

func versionList() []byte {
	b := []byte{'['}
	for v := minVersion; v <= maxVersion; v++ {
		if v > minVersion {
			b = append(b, ',')
		}
		b = append(b, fmt.Sprintf(`{"label":"%s","url":"/services/data/v%d.0","version":"%d.0"}`, releaseName(v), v, v)...)
	}
	return append(b, ']')
}

// checkVersion accepts the segment vNN.0 of a version that still lives.
func checkVersion(seg string) error {
	number, ok := strings.CutPrefix(seg, "v")
	n, err := strconv.Atoi(strings.TrimSuffix(number, ".0"))
	switch {
	case !ok || err != nil || !strings.HasSuffix(number, ".0") || n > maxVersion || n < 1:
		return notFound()
	case n < minVersion:
		return failf(http.StatusGone, "UNSUPPORTED_API_VERSION",
			"API version %s is no longer supported; use v%d.0 or later", seg, minVersion)
	}
	return nil
}

func (c *call) path(i int) string {
	if i < len(c.seg) {
		return c.seg[i]
	}
	return ""
}

// kind names the sort of a call for the count of calls.
func (c *call) kind() string {
	switch c.path(0) {
	case "query", "queryAll":
		if len(c.seg) > 1 {
			return "query_more"
		}
		return "query"
	case "sobjects":
		return c.sobjectKind()
	case "composite":
		switch {
		case c.path(1) != "sobjects":
			return "composite"
		case c.path(3) == "" && c.path(2) != "":
			return "retrieve"
		}
		return "collections"
	case "limits":
		return "limits"
	case "jobs":
		return c.jobKind()
	}
	return "other"
}

func (c *call) sobjectKind() string {
	switch {
	case len(c.seg) < 3 && c.method == http.MethodGet:
		return "describe"
	case c.path(2) == "describe":
		return "describe"
	case c.path(2) == "updated", c.path(2) == "deleted":
		return c.path(2)
	case c.method == http.MethodGet:
		return "record_read"
	}
	return "record_write"
}

// handle runs the call. Errors become the reply that Salesforce would give.
func (c *call) handle() *reply {
	rep, err := c.route()
	if err != nil {
		return errorReply(err)
	}
	return rep
}

func (c *call) route() (*reply, error) {
	switch c.path(0) {
	case "":
		return c.resources()
	case "sobjects":
		return c.sobjects()
	case "query":
		return c.queryCall(false)
	case "queryAll":
		return c.queryCall(true)
	case "composite":
		return c.compositeCall()
	case "limits":
		return c.limits()
	case "jobs":
		return c.jobs()
	}
	return nil, notFound()
}

// resources is the map of what a version offers.
func (c *call) resources() (*reply, error) {
	base := "/services/data/" + c.version
	b := []byte{'{'}
	for _, name := range []string{"tooling", "metadata", "eventSchema", "composite", "jobs", "limits", "query", "queryAll", "recent", "search", "sobjects"} {
		b = append(appendString(b, name), ':')
		b = append(appendString(b, base+"/"+name), ',')
	}
	b = append(b, `"identity":`...)
	b = appendString(b, c.header.Get(baseHeader)+"/id/"+c.s.org.ID()+"/"+c.actor.User.ID)
	return jsonReply(http.StatusOK, append(b, '}')), nil
}

// object finds an object that the caller may see.
func (c *call) object(name string) (*schema.Object, error) {
	obj, ok := c.s.org.Catalog.Object(name)
	if !ok || !c.actor.CanRead(obj) {
		return nil, notFound()
	}
	return obj, nil
}

// begin gives the transaction to write in, and what ends it: nothing inside
// an all-or-none composite, which ends its own.
func (c *call) begin() (tx *org.Tx, commit func() error, rollback func()) {
	if c.tx != nil {
		return c.tx, func() error { return nil }, func() {}
	}
	tx = c.s.org.Begin(c.actor)
	return tx, tx.Commit, tx.Rollback
}

func (c *call) sobjects() (*reply, error) {
	if len(c.seg) == 1 {
		return c.describeGlobal()
	}
	if of := c.changeEventOf(c.seg[1]); of != nil {
		return c.changeEvent(of)
	}
	obj, err := c.object(c.seg[1])
	if err != nil {
		return nil, err
	}
	switch len(c.seg) {
	case 2:
		return c.objectResource(obj)
	case 3:
		switch c.seg[2] {
		case "describe":
			return c.describe(obj)
		case "updated":
			return c.updated(obj)
		case "deleted":
			return c.deleted(obj)
		}
		if equalFold(c.seg[2], "Id") && c.method == http.MethodPost { // an upsert by no Id
			return c.create(obj)
		}
		return c.recordResource(obj, c.seg[2])
	case 4:
		if f, ok := obj.Field(c.seg[2]); ok && (f.ExternalID || f.IDLookup || f.Unique) {
			return c.keyResource(obj, f, c.seg[3])
		}
		if id, ok := org.NormalizeID(c.seg[2]); ok {
			return c.blob(obj, id, c.seg[3])
		}
		return nil, failf(http.StatusNotFound, "NOT_FOUND",
			"Provided external ID field does not exist or is not accessible: %s", c.seg[2])
	}
	return nil, notFound()
}
