// Package archtest holds the test that keeps the house in order: which package
// may import which, as ARCHITECTURE.md draws it, and how long files and
// functions may grow. It holds no code of the product.
package archtest
