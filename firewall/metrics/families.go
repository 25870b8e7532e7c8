package metrics

import (
	"slices"
	"strconv"
	"time"
)

// row is one family of ours.
type row struct {
	name    string // behind ngcp_fw_
	kind    Kind
	help    string
	samples func(State) []Sample
}

// rows are sorted by name.
var rows = []row{
	{"accepted_bytes_total", Counter, "Bytes of the packets that the service let in: of tracked flows the first packets, of RTP all.",
		traffic(accepted, octets)},
	{"accepted_packets_total", Counter, "Packets that the service let in: of tracked flows the first ones, of RTP all.",
		traffic(accepted, packets)},
	{"applied_timestamp_seconds", Gauge, "When the generation was put into force.",
		known(func(g Generation) []Sample { return moment(g.Applied) })},
	{"bans", Gauge, "Who is banned, each range once: on record, permanent or temporary; by a limit and not on record; by CrowdSec.",
		func(s State) (all []Sample) {
			for _, b := range s.Bans {
				all = append(all, one(float64(b.Number), "kind", b.Kind))
			}
			return all
		}},
	{"build_info", Gauge, "The program's version.",
		func(s State) []Sample { return []Sample{one(1, "version", s.Version)} }},
	{"confirmed", Gauge, "Whether a boot would restore the generation.",
		known(func(g Generation) []Sample { return yes(g.Confirmed) })},
	{"conntrack_entries", Gauge, "Connections that the kernel tracks in this network namespace.",
		tracked(func(t Tracking) int { return t.Entries })},
	{"conntrack_entries_limit", Gauge, "The most connections that the kernel tracks.",
		tracked(func(t Tracking) int { return t.Limit })},
	{"drift", Gauge, "Whether the kernel differs from what was applied.",
		answered(func(s State) []Sample { return yes(s.Drift > 0) })},
	{"drift_findings", Gauge, "In how many things the kernel differs from what was applied.",
		answered(func(s State) []Sample { return number(s.Drift) })},
	{"dropped_bytes_total", Counter, "Bytes of the packets refused, by reason; while observe is on, they were let in.",
		traffic(dropped, octets)},
	{"dropped_packets_total", Counter, "Packets refused, by reason; while observe is on, they were let in. Services that share a port count both.",
		traffic(dropped, packets)},
	{"enforced", Gauge, "Whether a policy is in force and drops what it refuses.",
		answered(func(s State) []Sample { return yes(s.InForce && !s.Asleep && !s.observes()) })},
	{"generation_info", Gauge, "The generation in force, and the policy it was made of.",
		known(func(g Generation) []Sample {
			return []Sample{one(1, "generation", strconv.FormatUint(g.Number, 10), "policy", g.Policy, "policy_digest", g.Digest)}
		})},
	{"in_force", Gauge, "Whether the table of ngcp-fw is in the kernel.",
		answered(func(s State) []Sample { return yes(s.InForce) })},
	{"last_restore_fallback_timestamp_seconds", Gauge, "When a restore last found what was confirmed damaged or lost.",
		func(s State) []Sample { return moment(s.FellBack) }},
	{"limit_sources", Gauge, "Sources that the service's limit remembers; of IPv6, networks of 64 bits.",
		limits(func(l Limit) int { return l.Sources })},
	{"limit_sources_capacity", Gauge, "The most sources that the service's limit can remember.",
		limits(func(l Limit) int { return l.Size })},
	{"mediaproxy_findings", Gauge, "What else is worth a look about the mediaproxy rule; status tells.",
		answered(func(s State) []Sample { return number(s.Media.Findings) })},
	{"mediaproxy_in_force", Gauge, "Whether media of both families meets the mediaproxy rule.",
		answered(func(s State) []Sample { return yes(s.Media.InForce) })},
	{"mediaproxy_module_loaded", Gauge, "Whether the kernel module of rtpengine is loaded.",
		answered(func(s State) []Sample { return yes(s.Media.Module) })},
	{"mediaproxy_rule_packets_total", Counter, "Packets that met the mediaproxy rule.",
		media(func(r MediaRule) float64 { return float64(r.Packets) })},
	{"mediaproxy_rule_present", Gauge, "Whether a rule hands media of the family to the kernel module.",
		media(func(r MediaRule) float64 { return bit(r.Present) })},
	{"mediaproxy_streams", Gauge, "Streams in a table of the kernel module.",
		func(s State) (all []Sample) {
			for _, t := range s.Media.Tables {
				all = append(all, one(float64(t.Streams), "table", strconv.Itoa(t.Table)))
			}
			return all
		}},
	{"mediaproxy_wanted", Gauge, "Whether there should be a mediaproxy rule.",
		answered(func(s State) []Sample { return yes(s.Media.Wanted) })},
	{"observe", Gauge, "Whether what the policy refuses is only counted and logged.",
		answered(func(s State) []Sample { return yes(s.InForce && s.observes()) })},
	{"pending", Gauge, "Whether the generation waits to be confirmed.",
		answered(func(s State) []Sample { return yes(!s.Deadline.IsZero()) })},
	{"pending_deadline_timestamp_seconds", Gauge, "When the generation is taken back unless somebody confirms it.",
		func(s State) []Sample { return moment(s.Deadline) }},
	{"policy_entries_ending", Gauge, "Entries of the policy that end within 30 days.",
		entries(func(e Entries) []Sample { return number(e.Ending) })},
	{"policy_entries_outdated", Gauge, "Entries that have ended since the policy was applied, and hold until the next apply.",
		entries(func(e Entries) []Sample { return number(e.Outdated) })},
	{"policy_next_end_timestamp_seconds", Gauge, "When the next entry of the policy ends.",
		entries(func(e Entries) []Sample { return moment(e.Next) })},
	{"restore_fallback", Gauge, "Whether what is in force came by a restore that had to fall back.",
		answered(func(s State) []Sample { return yes(s.Fallback) })},
	{"scrape_success", Gauge, "Whether the kernel could be asked.",
		func(s State) []Sample { return yes(!s.Failed) }},
	{"set_capacity", Gauge, "The most elements that the set can have.",
		func(s State) []Sample {
			return sets(slices.DeleteFunc(slices.Clone(s.Sets), func(x Set) bool { return x.Size == 0 }), func(x Set) int { return x.Size })
		}},
	{"set_elements", Gauge, "Elements of the set: addresses, or ranges of them.",
		func(s State) []Sample { return sets(s.Sets, func(x Set) int { return x.Elements }) }},
}

// Families is what a state tells, sorted by name; what it knows nothing of is left
// out.
func Families(s State) (all []Family) {
	for _, r := range rows {
		if samples := r.samples(s); len(samples) > 0 {
			all = append(all, Family{"ngcp_fw_" + r.name, r.kind, r.help, sorted(samples)})
		}
	}
	return all
}

func (s State) observes() bool { return s.Generation != nil && s.Generation.Observe }

// one is a sample with labels: names and values by turns.
func one(value float64, labels ...string) Sample {
	s := Sample{Value: value}
	for pair := range slices.Chunk(labels, 2) {
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[pair[0]] = pair[1]
	}
	return s
}

func number(n int) []Sample { return []Sample{one(float64(n))} }

func yes(b bool) []Sample { return []Sample{one(bit(b))} }

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// moment is nothing where there was none.
func moment(t time.Time) []Sample {
	if t.IsZero() {
		return nil
	}
	return number(int(t.Unix()))
}

// answered is what is known of every host whose kernel answers.
func answered(of func(State) []Sample) func(State) []Sample {
	return func(s State) []Sample {
		if s.Failed {
			return nil
		}
		return of(s)
	}
}

func known(of func(Generation) []Sample) func(State) []Sample {
	return func(s State) []Sample {
		if s.Generation == nil {
			return nil
		}
		return of(*s.Generation)
	}
}

func entries(of func(Entries) []Sample) func(State) []Sample {
	return func(s State) []Sample {
		if s.Entries == nil {
			return nil
		}
		return of(*s.Entries)
	}
}

func tracked(of func(Tracking) int) func(State) []Sample {
	return func(s State) []Sample {
		if s.Tracked == nil {
			return nil
		}
		return number(of(*s.Tracked))
	}
}

func accepted(s State) []Traffic { return s.Accepted }
func dropped(s State) []Traffic  { return s.Dropped }
func packets(t Traffic) uint64   { return t.Packets }
func octets(t Traffic) uint64    { return t.Bytes }

// traffic leaves out the labels that are empty.
func traffic(list func(State) []Traffic, of func(Traffic) uint64) func(State) []Sample {
	return func(s State) (all []Sample) {
		for _, t := range list(s) {
			var labels []string
			for _, pair := range [][]string{{"reason", t.Reason}, {"service", t.Service}} {
				if pair[1] != "" {
					labels = append(labels, pair...)
				}
			}
			all = append(all, one(float64(of(t)), labels...))
		}
		return all
	}
}

func limits(of func(Limit) int) func(State) []Sample {
	return func(s State) (all []Sample) {
		for _, l := range s.Limits {
			all = append(all, one(float64(of(l)), "service", l.Service, "family", l.Family, "set", l.Set))
		}
		return all
	}
}

func media(of func(MediaRule) float64) func(State) []Sample {
	return func(s State) (all []Sample) {
		for _, r := range s.Media.Rules {
			all = append(all, one(of(r), "family", r.Family))
		}
		return all
	}
}

func sets(list []Set, of func(Set) int) (all []Sample) {
	for _, s := range list {
		all = append(all, one(float64(of(s)), "set", s.Name))
	}
	return all
}
