// Package readertest is package sitetest under the name that tests of the reader
// know it by.
package readertest

import (
	"testing"

	"github.com/synclinehq/syncline/internal/sitetest"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// Site is a site of package sitetest.
type Site = sitetest.Site

// New starts an org and opens a database without mapped tables.
func New(t testing.TB, o sandbox.Options) *Site { return sitetest.New(t, o) }

// Body makes a record body of pairs of name and value.
func Body(fields ...any) org.Body { return sitetest.Body(fields...) }
