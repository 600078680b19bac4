// Package api serves Syncline's own HTTP API under /api/syncline/v1, with its
// OpenAPI document, beside health, readiness and metrics.
//
// It translates: a request's token becomes a principal, a body becomes the
// arguments of one use case of package manage, its outcome becomes JSON in the
// types of package client, and its error a problem document (RFC 9457) with a
// member "fix" that says what to do. It decides nothing.
//
// Nothing answers without a token but /healthz, /readyz and what the dashboard
// lets in. New gives the handler of a whole server.
package api
