// Package pgtest gives each test a PostgreSQL database of its own.
//
// A test binary that uses it has
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// and its tests call [New] (an empty database with hstore in schema public) or
// [Template.New] (a copy of a database that was prepared once). The server
// starts at the first such call and is shared by all tests of the binary, or of
// several binaries when SYNCLINE_TEST_DATABASE_URL holds the URL of an
// administrator's database of a running server. Tests that kill or restart the
// server take one of their own with [Server].
package pgtest
