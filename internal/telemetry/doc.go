// Package telemetry makes the server observable: a logger that hides what must
// not be in logs, and the metrics.
//
// [NewLogger] writes for people (text, with colour on a terminal) or machines
// (JSON) and masks secrets by the attribute's name and by the look of a value.
// [NewMetrics] makes the metrics in a registry of their own; [Metrics.Handler]
// serves them to whoever has the token.
package telemetry
