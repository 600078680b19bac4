package mapping

// PausedWords say what of a connection or a mapping rests, for people: all of
// it, or one direction; "" if nothing does.
func PausedWords(all, reads, writes bool) string {
	switch {
	case all || reads && writes:
		return "paused"
	case reads:
		return "reads paused"
	case writes:
		return "writes paused"
	}
	return ""
}
