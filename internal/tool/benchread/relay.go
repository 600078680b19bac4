package main

import (
	"context"
	"net"
	"net/url"
	"time"
)

// The line to an org that is far away.
const (
	farLatency = 80 * time.Millisecond // there and back
	farRate    = 10 << 20              // bytes a second and connection
)

// relay passes connections on as a long line would.
type relay struct {
	url      string
	listener net.Listener
}

// startRelay listens in front of the org at address.
func startRelay(address string) (*relay, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", u.Host)
			if err != nil {
				_ = near.Close()
				continue
			}
			go carry(near, far)
			go carry(far, near)
		}
	}()
	return &relay{url: "http://" + l.Addr().String(), listener: l}, nil
}

func (r *relay) close() { _ = r.listener.Close() }

// parcel is some bytes and when they arrive.
type parcel struct {
	data []byte
	at   time.Time
}

// carry passes bytes from one side on: each piece takes its time on the line
// and then half the latency. What is on its way is bounded as a window is.
func carry(to, from net.Conn) {
	window := make(chan parcel, 64)
	go func() {
		defer to.Close()
		for p := range window {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.data); err != nil {
				_ = from.Close()
				for range window { //nolint:revive // lets the other side end
				}
				return
			}
		}
	}()
	defer close(window)
	free := time.Now()
	for {
		buf := make([]byte, 16<<10)
		n, err := from.Read(buf)
		if n > 0 {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / farRate)
			window <- parcel{buf[:n], free.Add(farLatency / 2)}
		}
		if err != nil {
			return
		}
	}
}
