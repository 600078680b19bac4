package salesforce

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// orgSuffixes are the domains under which Salesforce serves orgs' APIs.
var orgSuffixes = []string{
	"salesforce.com",
	"force.com",
	"cloudforce.com",
	"database.com",
	"salesforce.mil",
	"cloudforce.mil",
	"sfcrmapps.cn",     // Salesforce on Alibaba Cloud
	"sfcrmproducts.cn", // the same, login
}

// AddressError says why an address is not called.
type AddressError struct {
	// Host is the host as it was asked for.
	Host   string
	Reason string
}

// Error gives host and reason.
func (e *AddressError) Error() string {
	return fmt.Sprintf("%s is not called: %s", e.Host, e.Reason)
}

// CheckURL says whether the policy lets a request go to u. Addresses behind a
// name are checked later, when it is dialled.
func (p DialPolicy) CheckURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case host == "":
		return &AddressError{Host: u.Redacted(), Reason: "the URL has no host"}
	case u.User != nil:
		return &AddressError{Host: host, Reason: "the URL carries a user name"}
	case u.Scheme != "https" && u.Scheme != "http":
		return &AddressError{Host: host, Reason: fmt.Sprintf("the scheme %q is neither https nor http", u.Scheme)}
	case p.AllowInsecure:
		return nil
	case u.Scheme != "https":
		return &AddressError{Host: host, Reason: "only https is allowed"}
	case !p.hostAllowed(host):
		return &AddressError{Host: host, Reason: "it is neither one of Salesforce's domains nor allowed by this server's operator"}
	}
	return nil
}

func (p DialPolicy) hostAllowed(host string) bool {
	if p.AnyHost {
		return true
	}
	return under(host, orgSuffixes) || under(host, p.AllowHosts)
}

// under says whether host is one of the domains or below one.
func under(host string, domains []string) bool {
	host = canonical(host)
	for _, d := range domains {
		d = strings.TrimPrefix(canonical(d), ".")
		if d != "" && (host == d || strings.HasSuffix(host, "."+d)) {
			return true
		}
	}
	return false
}

func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// closedNets are ranges that no org is in and that the server's own network may
// be reached by, beyond those that netip knows by name.
var closedNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT; some clouds' metadata
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments; Oracle's metadata
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's metadata
	netip.MustParsePrefix("fec0::/10"),        // old site-local
	netip.MustParsePrefix("2001:db8::/32"),    // documentation
	netip.MustParsePrefix("100::/64"),         // discard
}

// carriers are IPv6 ranges that carry an IPv4 address, and where it stands.
var carriers = []struct {
	net    netip.Prefix
	offset int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},   // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // NAT64, local use
	{netip.MustParsePrefix("2002::/16"), 2},       // 6to4
	{netip.MustParsePrefix("::/96"), 12},          // IPv4-compatible
}

// closedAddr says why ip must not be dialled, "" if it may.
func closedAddr(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid(), ip.IsUnspecified():
		return "an unspecified address"
	case ip.IsLoopback():
		return "a loopback address"
	case ip.IsPrivate():
		return "a private address"
	case ip.IsLinkLocalUnicast(), ip.IsLinkLocalMulticast(), ip.IsInterfaceLocalMulticast():
		return "a link-local address"
	case ip.IsMulticast():
		return "a multicast address"
	}
	for _, n := range closedNets {
		if n.Contains(ip) {
			return "a reserved address"
		}
	}
	for _, c := range carriers {
		if c.net.Contains(ip) {
			b := ip.As16()
			return closedAddr(netip.AddrFrom4([4]byte(b[c.offset : c.offset+4])))
		}
	}
	return ""
}
