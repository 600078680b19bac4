package salesforce

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func TestPolicyChecksURLs(t *testing.T) {
	t.Parallel()
	own := DialPolicy{AllowHosts: []string{"gateway.example.org", ".corp.example"}}
	tests := []struct {
		policy DialPolicy
		url    string
		ok     bool
	}{
		{DialPolicy{}, "https://login.salesforce.com/services/oauth2/token", true},
		{DialPolicy{}, "https://acme--dev.sandbox.my.salesforce.com:443/", true},
		{DialPolicy{}, "https://ACME.My.Salesforce.COM./", true},
		{DialPolicy{}, "https://acme.my.salesforce.mil/", true},
		{DialPolicy{}, "http://login.salesforce.com/", false},
		{DialPolicy{}, "https://user:pw@login.salesforce.com/", false},
		{DialPolicy{}, "https://evilsalesforce.com/", false},
		{DialPolicy{}, "https://salesforce.com.evil.example/", false},
		{DialPolicy{}, "https://login.salesforce.com@evil.example/", false},
		{DialPolicy{}, "https://127.0.0.1/", false},
		{DialPolicy{}, "https://2130706433/", false},
		{DialPolicy{}, "https://0x7f.1/", false},
		{DialPolicy{}, "https://[::1]/", false},
		{DialPolicy{}, "https://metadata.google.internal/", false},
		{DialPolicy{}, "file:///etc/passwd", false},
		{DialPolicy{}, "https:///services", false},
		{own, "https://gateway.example.org/", true},
		{own, "https://a.corp.example/", true},
		{own, "https://notcorp.example/", false},
		{own, "http://gateway.example.org/", false},
		{DialPolicy{AnyHost: true}, "https://hooks.example.org/", true},
		{DialPolicy{AnyHost: true}, "http://hooks.example.org/", false},
		{DialPolicy{AllowInsecure: true}, "http://127.0.0.1:8080/", true},
		{DialPolicy{AllowInsecure: true}, "gopher://127.0.0.1/", false},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.policy.CheckURL(u); (err == nil) != tt.ok {
			t.Errorf("CheckURL(%s) = %v, want allowed = %v", tt.url, err, tt.ok)
		}
	}
}

func TestClosedAddresses(t *testing.T) {
	t.Parallel()
	closed := `127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
		100.100.100.200 0.0.0.0 0.1.2.3 192.0.0.192 168.63.129.16 224.0.0.1 239.1.1.1 255.255.255.255 240.0.0.1
		198.18.0.1 203.0.113.7 ::1 :: ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 fe80::1 fe80::1%eth0
		fc00::1 fd00:ec2::254 ff02::1 fec0::1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 2002:7f00:1:: 2002:a00:1::1 ::127.0.0.1 2001:db8::1`
	for s := range strings.FieldsSeq(closed) {
		if closedAddr(netip.MustParseAddr(s)) == "" {
			t.Errorf("%s is open", s)
		}
	}
	open := "8.8.8.8 85.222.1.1 13.110.0.1 172.32.0.1 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1"
	for s := range strings.FieldsSeq(open) {
		if why := closedAddr(netip.MustParseAddr(s)); why != "" {
			t.Errorf("%s is closed: %s", s, why)
		}
	}
}

// resolvesTo is a name server that answers one thing for every name.
func resolvesTo(calls *atomic.Int32, addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		calls.Add(1)
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
}

func TestDialRefusesWhatANameResolvesTo(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request arrived") }))
	defer srv.Close()
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	for name, addrs := range map[string][]string{
		"loopback":                {"127.0.0.1"},
		"metadata":                {"169.254.169.254"},
		"private behind public":   {"8.8.8.8", "10.0.0.1"},
		"mapped":                  {"::ffff:127.0.0.1"},
		"loopback behind NAT64":   {"64:ff9b::7f00:1"},
		"several, all of them no": {"::1", "127.0.0.1"},
	} {
		var calls atomic.Int32
		hc := NewHTTPClient(DialPolicy{Lookup: resolvesTo(&calls, addrs...)})
		resp, err := hc.Get("https://acme.my.salesforce.com" + port + "/")
		if err == nil {
			resp.Body.Close()
		}
		if _, ok := errors.AsType[*AddressError](err); !ok || calls.Load() != 1 {
			t.Errorf("%s: error = %v after %d look-ups", name, err, calls.Load())
		}
	}
}

// The client tells of a refused address at once, as a question to a person.
func TestCallToAClosedAddress(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	o := newOrg(t, answer(200, countReply), func(c *Config) {
		c.HTTP = NewHTTPClient(DialPolicy{Lookup: resolvesTo(&calls, "10.1.2.3")})
	})
	o.book.url = "https://acme.my.salesforce.com"
	_, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false)
	if !IsCode(err, CodeRefused) || ClassOf(err) != AskPerson || o.book.charged() != 0 || calls.Load() != 1 {
		t.Errorf("error = %v after %d look-ups", err, calls.Load())
	}
	if err != nil && strings.Contains(err.Error(), "10.1.2.3") {
		t.Errorf("the error tells an address of the inner network: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed with Authorization %q", r.Header.Get("Authorization"))
	}))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		o := newOrg(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) },
			func(c *Config) { c.HTTP = &http.Client{} })
		if _, err := o.Count(t.Context(), "SELECT COUNT() FROM Account", false); !IsCode(err, CodeMoved) {
			t.Errorf("%d: error = %v", status, err)
		}
	}
}

// An org that moved has its new address in the next session.
func TestOrgMoves(t *testing.T) {
	t.Parallel()
	there := newOrg(t, answer(200, countReply))
	here := newOrg(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there.url, 302) })
	here.Client.cfg.Tokens = moving{from: here.book, to: there.url}
	if n, err := here.Count(t.Context(), "SELECT COUNT() FROM Account", false); n != 7 || err != nil {
		t.Errorf("count = %d, %v", n, err)
	}
}

type moving struct {
	from *book
	to   string
}

func (m moving) Token(ctx context.Context) (Token, error) { return m.from.Token(ctx) }

func (m moving) Refresh(context.Context, Token) (Token, error) {
	return Token{Access: "00Dxx!new", InstanceURL: m.to}, nil
}
