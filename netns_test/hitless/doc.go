// Package hitless counts what a change of the ruleset does to packets and
// connections that have nothing to do with it: under a flood, how many packets
// were lost that both rulesets accept, and how many got in that both refuse; and
// which of many open connections broke or paused.
package hitless
