package main

import "fmt"

// How many rounds the series have: medians of fewer differ by more than the
// twentieth that is looked for.
const packetRounds = 41

// measureRTP is media: nearly every packet of a telephony host.
func measureRTP(e *env) ([]row, error) {
	long := allowlist(e.size(100_000, 1000))
	anyone, peers, packets := allowlist(1).stream(rtpPort, callers), long.stream(rtpPort, callers), e.size(100_000, 100)
	ports := "-A ufw-user-input -p udp -m udp --dport 30000:40000 -j ACCEPT"
	costs, err := perPacket(e.repeat(packetRounds), []host{
		{"no ruleset", anyone, noRuleset, packets},
		{"ngcp-fw, for anyone", anyone, ours("", ""), packets},
		{"by hand", anyone, byNft(handRTP), packets},
		{"by hand, without bans and spoofing", anyone, byNft(plainRTP), packets},
		{"ufw", anyone, byIPTables(withRows(ufwRules, ports+"%.0s", 1)), packets},
		{"ngcp-fw, allowlist", peers, oursFor("rtp", long), packets},
	})
	if err != nil {
		return nil, err
	}
	what := "RTP packet from "
	return []row{
		packetRow(costs, what+"anyone", "ngcp-fw, for anyone", "by hand", 1.05),
		packetRow(costs, what+"anyone", "ngcp-fw, for anyone", "by hand, without bans and spoofing", 0),
		packetRow(costs, what+"anyone", "ngcp-fw, for anyone", "ufw", 0),
		packetRow(costs, what+"anyone", "ngcp-fw, for anyone", "no ruleset", 0),
		packetRow(costs, fmt.Sprintf("%sa peer, allowlist of %d prefixes", what, long), "ngcp-fw, allowlist", "ngcp-fw, for anyone", 1.15),
	}, nil
}

// measureFlows is the first packets of flows: each comes from a source that was not
// seen before.
func measureFlows(e *env) ([]row, error) {
	middle, long := allowlist(1000), allowlist(e.size(100_000, 2000))
	packets, few, sources := e.size(50_000, 100), e.size(5000, 100), uint32(100_000)
	firstPackets := func(n allowlist) stream { return n.stream(sipPort, sources) }
	costs, err := perPacket(e.repeat(packetRounds), []host{
		{"ngcp-fw, 1 prefix", firstPackets(1), oursFor("sip", 1), packets},
		{"ngcp-fw, 1000 prefixes", firstPackets(middle), oursFor("sip", middle), packets},
		{"ngcp-fw, all prefixes", firstPackets(long), oursFor("sip", long), packets},
		{"iptables-nft", firstPackets(middle), byIPTables(withRows(iptablesRules, "-A INPUT -s %s -p udp -m udp --dport 5060 -j ACCEPT", middle)), few},
		{"ufw", firstPackets(middle), byIPTables(withRows(ufwRules, "-A ufw-user-input -s %s -p udp -m udp --dport 5060 -j ACCEPT", middle)), few},
		{"firewalld (rich rules, staged)", firstPackets(middle), byNft(withRows(firewalldRules, "\t\tip saddr %s udp dport 5060 accept", middle)), few},
	})
	if err != nil {
		return nil, err
	}
	what := "SIP packet of a new flow, allowlist of "
	one, thousand := "ngcp-fw, 1 prefix", "ngcp-fw, 1000 prefixes"
	return []row{
		packetRow(costs, what+"1000", thousand, one, 2),
		packetRow(costs, fmt.Sprintf("%s%d", what, long), "ngcp-fw, all prefixes", one, 2),
		packetRow(costs, what+"1000", thousand, "iptables-nft", 1),
		packetRow(costs, what+"1000", thousand, "ufw", 1),
		packetRow(costs, what+"1000", thousand, "firewalld (rich rules, staged)", 1),
	}, nil
}

// measureLookups is what the kinds of set cost, hooks included: why lists are trees,
// and what is asked for every packet is a hash.
func measureLookups(e *env) (rows []row, err error) {
	packets := e.size(100_000, 100)
	for _, n := range []allowlist{8, 1000, allowlist(e.size(100_000, 2000))} {
		s := n.stream(rtpPort, callers)
		var hosts []host
		for _, kind := range []string{"tree", "pipapo", "hash", "learned hash"} {
			own := s
			if kind == "hash" || kind == "learned hash" {
				own.sources = min(callers, uint32(n))
			}
			hosts = append(hosts, host{kind, own, byNft(lookups(kind, n)), packets})
		}
		costs, err := perPacket(e.repeat(packetRounds/2), hosts)
		if err != nil {
			return nil, err
		}
		for _, h := range hosts[1:] {
			rows = append(rows, packetRow(costs, fmt.Sprintf("packet with a look-up among %d", n), "tree", h.name, 0))
		}
	}
	return rows, nil
}
