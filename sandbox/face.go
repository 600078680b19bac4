package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/sandbox/rest"
)

// face is one port that the org answers on.
type face struct {
	addr string
	http *http.Server
	done chan struct{}
}

// open listens and serves, over TLS if there is a certificate. "" is
// 127.0.0.1 with a free port.
func open(ctx context.Context, addr string, handler http.Handler, cert *tls.Certificate) (*face, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("open port: %w", err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	f := &face{
		addr: ln.Addr().String(), done: make(chan struct{}),
		http: &http.Server{
			Handler: handler, ReadHeaderTimeout: 30 * time.Second, MaxHeaderBytes: 1 << 20, Protocols: protocols,
			ConnContext: rest.WithConn,
		},
	}
	if cert != nil {
		f.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
	}
	go f.serve(ln)
	return f, nil
}

func (f *face) serve(ln net.Listener) {
	defer close(f.done)
	if f.http.TLSConfig != nil {
		_ = f.http.ServeTLS(ln, "", "") // ends with ErrServerClosed
		return
	}
	_ = f.http.Serve(ln) // as above
}

// close ends the port at once, open calls with it.
func (f *face) close() error {
	err := f.http.Close()
	<-f.done
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
