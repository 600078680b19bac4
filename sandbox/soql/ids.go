package soql

// ID18 completes an id to 18 characters: a 15-character id gets its checksum,
// an 18-character one is checked against it. ok is false for anything else.
func ID18(id string) (full string, ok bool) {
	if len(id) != 15 && len(id) != 18 {
		return "", false
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	var sum [3]byte
	for i := range sum {
		var bits int
		for j := range 5 {
			c := id[5*i+j]
			switch {
			case 'A' <= c && c <= 'Z':
				bits |= 1 << j
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			default:
				return "", false
			}
		}
		sum[i] = alphabet[bits]
	}
	full = id[:15] + string(sum[:])
	return full, len(id) == 15 || full == id
}
