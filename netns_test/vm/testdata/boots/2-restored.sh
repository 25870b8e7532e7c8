want 'restore ended well' '[ "$(systemctl is-active ngcp-fw.service)" = active ]'
want 'what was confirmed is in force' '[ "$(generation)" = "$(cat /root/expected)" ] && '"$fw status"
want 'nftables.service, which flushes, has run' '[ "$(systemctl is-active nftables.service)" = active ]'
want 'the rules were there before network-pre.target' \
	'[ "$(at ngcp-fw.service ExecMainExit)" -gt 0 ] && [ "$(at ngcp-fw.service ExecMainExit)" -le "$(at network-pre.target ActiveEnter)" ]'
want 'and before what makes the network' '[ "$(at ngcp-fw.service ExecMainExit)" -le "$(at systemd-networkd.service ExecMainStart)" ]'
want 'no ordering cycle' '! journalctl -b | grep -i "ordering cycle"'
want 'the module of the mediaproxy rule was loaded' 'grep -q ^xt_RTPENGINE /proc/modules && nft list chain ip filter ngcp-fw-mediaproxy'
want 'the state is for root alone' '[ "$(stat -c %a%U /var/lib/ngcp-fw /run/ngcp-fw | tr -d "\n")" = 700root700root ]'
want 'the policy is broken' "! $fw check"
want 'stopping the unit changes nothing' 'systemctl stop ngcp-fw.service && '"$fw status"
network
want 'an administrator can log in' 'login true'
systemctl --quiet disable nftables.service

# For the next boot: a generation that nobody confirmed.
want 'a trial begins' "$fw -f /root/cut.yml apply --confirm 1h --allow-lockout"
want 'nobody can log in' '! login true'
systemd-analyze
systemctl show -p ExecMainStartTimestampMonotonic -p ExecMainExitTimestampMonotonic ngcp-fw.service
