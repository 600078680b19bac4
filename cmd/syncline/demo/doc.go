// Package demo runs the demo: a private PostgreSQL, a sandbox org and a
// Syncline server in one process, kept equal before the eyes of a newcomer.
//
// [Run] goes on until it is told to end; [Once] does one round by itself: it
// loads, edits both sides at the same time, waits until all is quiet, has both
// judges compare, and reports.
package demo
