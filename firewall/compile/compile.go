// Package compile turns a host's exposures into a ruleset: the same exposures
// give the same bytes.
package compile
