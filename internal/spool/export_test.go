package spool

// HeldUp is what happens when the reader has paused for long enough.
func (b *Body) HeldUp() { b.heldUp() }
