package inbox

// Refusal is an error of whoever asked: what can't be done, and what to do
// instead.
type Refusal struct {
	What, Fix string
	// Missing says that there is no such entry.
	Missing bool
}

// Error gives what is wrong.
func (r *Refusal) Error() string { return r.What }
