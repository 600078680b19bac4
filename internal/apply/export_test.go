package apply

// Path makes an applier take one way whatever the size of the batch.
func (a *Applier) Path(arraysUpTo, copyFrom int) { a.arraysUpTo, a.copyFrom = arraysUpTo, copyFrom }
