// Package merge decides, column by column, what happens where both sides have
// changed. It is pure: values in, decisions out, no clock and no store.
//
// There are two moments. When a record comes in from Salesforce and meets
// local changes that are not settled yet, [Decide] says which of its values
// the row takes and which are only remembered. When a local change is planned,
// [Settle] and [SettleRow] say whether it is still to be sent, given what has
// been seen from Salesforce since the two sides last agreed.
//
// Values are compared by [record.Type.Same]: what Salesforce would keep for
// both is no difference, so that neither an echo nor a trailing space is ever
// a conflict. No decision makes up a value: a row ends with what one of the
// two sides holds.
package merge
