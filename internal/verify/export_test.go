package verify

// Repairable is which differences are repaired by themselves.
var Repairable = repairable
