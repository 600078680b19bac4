// Package secret keeps credentials unreadable outside the process.
//
// A [KeyRing] seals a value for one [Place] (table, row, column) of the control
// store with AES-256-GCM: a sealed value that is changed, or moved to another
// place, does not open. The ring holds several keys; the first seals, all open,
// so keys are rotated by adding a new one in front and resealing what
// [KeyRing.NeedsRotation] names. [Load] takes the ring from the environment or
// from a key file, which it makes at the first start.
//
// [Text] carries a secret through the program: whatever prints, logs or encodes
// it sees "***".
package secret
