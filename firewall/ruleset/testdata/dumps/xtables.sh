iptables-nft -A INPUT -p udp --dport 30000:40000 -j ACCEPT
iptables-nft -A INPUT -s 192.0.2.0/24 -m comment --comment theirs -j ACCEPT
iptables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP
iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A INPUT -p tcp -m multiport --dports 80,443,5060:5090 -j ACCEPT
iptables-nft -A INPUT -m hashlimit --hashlimit-above 10/sec --hashlimit-name h --hashlimit-mode srcip -j DROP
iptables-nft -A INPUT -m recent --set --name r -j LOG --log-prefix "recent: "
iptables-nft -A INPUT -i eth+ -p icmp --icmp-type 8 -m limit --limit 1/s -j ACCEPT
iptables-nft -A INPUT ! -i lo ! -s 10.0.0.0/8 -j REJECT --reject-with icmp-port-unreachable
iptables-nft -A INPUT -m mark --mark 1/0xff -j MARK --set-mark 2
iptables-nft -A INPUT -m string --algo bm --string evil -j DROP
iptables-nft -A INPUT -m u32 --u32 "0&0xff=1" -j DROP
iptables-nft -N OTHER
iptables-nft -A INPUT -g OTHER
iptables-nft -P FORWARD DROP
