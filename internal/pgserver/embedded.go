package pgserver

import (
	"context"
	"errors"
)

func embedded(ctx context.Context) (binaries, error) {
	return binaries{}, errors.New("not available")
}
