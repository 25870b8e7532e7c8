package audit

import (
	"cmp"
	"slices"

	"ngcp-fw/policy"
)

// fold makes one entry of sockets that differ in nothing that matters: several at
// one address and port, as workers have them; of one process, UDP ports of media,
// those that clients get, and ports side by side.
func fold(all []Entry) (folded []Entry) {
	slices.SortStableFunc(all, func(x, y Entry) int {
		return cmp.Or(cmp.Compare(x.Protocol, y.Protocol), x.Address.Compare(y.Address), cmp.Compare(x.Process, y.Process), cmp.Compare(x.Port, y.Port))
	})
	for _, e := range all {
		if i := len(folded) - 1; i >= 0 && joins(folded[i], e) {
			folded[i].LastPort = max(folded[i].LastPort, e.LastPort)
			folded[i].Sockets += e.Sockets
			continue
		}
		folded = append(folded, e)
	}
	return folded
}

func joins(x, y Entry) bool {
	same := x.Protocol == y.Protocol && x.Address == y.Address && x.Both == y.Both && x.Link == y.Link &&
		x.Process == y.Process && x.Unit == y.Unit && x.User == y.User
	near := y.Port <= x.LastPort+1 || y.Protocol == policy.UDP && (y.Service == media || x.ephemeral && y.ephemeral)
	if !same || !near || x.Port != y.Port && x.PID != y.PID {
		return false
	}
	return x.Service == y.Service && x.Client == y.Client && x.Reach == y.Reach && x.Why == y.Why && slices.Equal(x.Roles, y.Roles) &&
		slices.Equal(x.Links, y.Links) && x.From.Equal(y.From) && slices.Equal(x.Findings, y.Findings)
}
