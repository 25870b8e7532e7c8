package hook

import "golang.org/x/sys/unix"

// xtTargets is the targets of iptables: what they do. RTPENGINE and MEDIAPROXY
// take packets of streams that their module was told of, and pass on the others.
var xtTargets = map[string]func(*machine, xt) did{
	"REJECT": xtFixed(decides(nfDrop)), "DROP": xtFixed(decides(nfDrop)), "ACCEPT": xtFixed(decides(nfAccept)),
	"LOG": xtPass, "NFLOG": xtPass, "ULOG": xtPass, "AUDIT": xtPass, "TRACE": xtPass, "SET": xtPass, "CHECKSUM": xtPass,
	"CLASSIFY": xtPass, "TCPMSS": xtPass, "TOS": xtPass, "DSCP": xtPass, "TTL": xtPass, "HL": xtPass, "TEE": xtPass,
	"LED": xtPass, "IDLETIMER": xtPass, "SECMARK": xtPass, "CONNSECMARK": xtPass, "RATEEST": xtPass,
	"RTPENGINE": xtPass, "MEDIAPROXY": xtPass,
	"MARK": xtSetMark, "CONNMARK": xtSetMark, "CT": xtCT,
	"NOTRACK": func(m *machine, _ xt) did { return m.notrack(nil) },
	"SNAT":    xtFixed(decides(nfAccept)), "MASQUERADE": xtFixed(decides(nfAccept)),
	"DNAT":     xtFixed(elsewhere("its destination is changed (DNAT)")),
	"REDIRECT": xtFixed(elsewhere("it is redirected to another port (REDIRECT)")),
	"TPROXY":   xtFixed(elsewhere("it goes to a transparent proxy (TPROXY)")),
	"NFQUEUE":  xtFixed(elsewhere("it goes to a program (NFQUEUE), which decides")),
	"SYNPROXY": xtFixed(elsewhere("a proxy (SYNPROXY) answers it")),
}

func xtPass(*machine, xt) did { return passes }

func xtFixed(d did) func(*machine, xt) did { return func(*machine, xt) did { return d } }

func (m *machine) target(a attributes) did {
	name := a.word(unix.NFTA_TARGET_NAME)
	if do := xtTargets[name]; do != nil {
		return do(m, xt(a.find(unix.NFTA_TARGET_INFO)))
	}
	d := perhaps("target %s of iptables is not understood", name)
	d.verdicts = []verdict{{code: nfElsewhere}}
	return d
}

// xtSetMark leaves the marks unknown.
func xtSetMark(m *machine, _ xt) did {
	m.world.mark, m.world.markOpen = 0, ^uint32(0)
	m.world.ctMark, m.world.ctMarkOpen = 0, ^uint32(0)
	return passes
}

// xtCT is struct xt_ct_target_info of linux/netfilter/xt_CT.h, whose first bit is
// --notrack.
func xtCT(m *machine, x xt) did {
	if x.u16(0)&1 != 0 {
		return m.notrack(nil)
	}
	return passes
}
