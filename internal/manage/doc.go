// Package manage has every use case of the product once: what a person, a
// program or a page may ask for goes through a method of [Service], whichever
// face it came by.
//
// A use case checks the caller's right, does its work, writes the audit trail
// in the transaction of the change, and tells the engine. It returns domain
// values, never wire types. What a person must mend comes back as a [*Problem]
// that says what is wrong and what to do; any other error is ours.
//
// Life cycle: New, use from any number of goroutines, Service.Close.
package manage
