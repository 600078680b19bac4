// Package e2etest tests the product as a user meets it: the program itself as
// processes, its command line, its API and its pages, between a sandbox org
// and a private PostgreSQL. It has no code of its own.
//
// testdata/script holds sessions of the command line; their commands beside
// those of testscript are in script_test.go.
package e2etest
