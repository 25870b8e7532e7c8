want 'nothing is in force at first' '[ -z "$(nft list ruleset)" ]'
want 'the package can be installed' 'dpkg -i /job/ngcp-fw.deb'
want 'installing it changes nothing in force' '[ -z "$(nft list ruleset)" ]'
want 'the units are enabled' 'systemctl is-enabled ngcp-fw.service ngcp-fw-check.timer'
want 'the timer runs' 'systemctl is-active ngcp-fw-check.timer'
want 'restore waits for the next boot' '[ "$(systemctl is-active ngcp-fw.service)" = inactive ]'
want 'with nothing kept, it restores nothing' \
	'systemctl start ngcp-fw.service && [ "$(systemctl is-active ngcp-fw.service)" = inactive ] && [ -z "$(nft list ruleset)" ]'
for unit in ngcp-fw.service ngcp-fw-check.service; do
	want "systemd-analyze verify $unit" "[ -z \"\$(systemd-analyze verify --man=no $unit 2>&1 | grep -i ngcp)\" ]"
	want "systemd-analyze security $unit" "systemd-analyze security --no-pager --threshold=20 $unit"
done
want 'a second installation changes nothing' 'dpkg -i /job/ngcp-fw.deb && [ -z "$(nft list ruleset)" ]'

network
mkdir -p /etc/ngcp-fw
cat >/etc/ngcp-fw/policy.yml <<END
version: 1
roles:
  administrators: {allow: [10.9.0.0/24]}
END
sed 's|10.9.0.0/24|192.0.2.0/24|' /etc/ngcp-fw/policy.yml >/root/cut.yml
printf 'services:\n  probe: {ports: [7000/tcp], roles: [administrators]}\n' | cat /etc/ngcp-fw/policy.yml - >/root/more.yml
want 'apply' "$fw apply"
want 'a real login has a session of its own' 'login "cat /proc/self/cgroup" | grep -q session-.*scope'

# trial POLICY NAME: somebody logs in, tries the policy and stays logged in.
trial() {
	rm -f /root/said
	login "$fw -f $1 apply --confirm ${2}s --allow-lockout >/root/said 2>&1; sleep 600" &
	client=$!
	within 30 "a trial begins ($1)" 'grep "You have until" /root/said'
}
want 'nobody waits to be confirmed' '[ -z "$(watch)" ]'

trial /root/cut.yml 40
want 'a unit of systemd watches' 'systemctl is-active "$(watch)"'
want 'it is in no session' 'systemctl show -P ControlGroup "$(watch)" | grep "^/system.slice/"'
want 'status tells the deadline' "$fw status -o json | grep -q '\"deadline\": \"'"
want 'the package cannot be removed meanwhile' '! dpkg -r ngcp-fw && [ -x /usr/sbin/ngcp-fw ]'
session=$(loginctl --no-legend list-sessions | awk '{ print $1; exit }')
want 'the session is ended' 'loginctl terminate-session "$session"'
want 'nobody can log in' '! login true'
want 'the watch goes on' 'systemctl is-active "$(watch)"'
within 60 'what was in force comes back by itself' 'login true'
want 'the history tells' "$fw history -o json | grep -q '\"what\": \"expired\"'"
want 'the journal tells' 'journalctl -t ngcp-fw | grep -q "nobody confirmed generation 2 in time"'
within 20 'the watch has ended' '[ -z "$(watch)" ]'
kill $client 2>/dev/null

trial /root/cut.yml 40
first=$(pid)
want 'its daemon is killed' 'pkill -9 -f "^sshd: root@notty"'
want 'the watch is killed' 'kill -9 "$first"'
within 20 'systemd starts it again' '[ "$(pid)" -gt 0 ] && [ "$(pid)" != "$first" ]'
want 'nobody can log in' '! login true'
within 60 'what was in force comes back by itself' 'login true'
kill $client 2>/dev/null

systemctl stop ngcp-fw-check.timer
login -tt 'sleep 600' </dev/null >/root/terminal 2>&1 &
trial /root/cut.yml 15
want 'the watch is stopped for good' 'systemctl stop "$(watch)"'
sleep 15
want 'nobody can log in' '! login true'
want 'the check goes back' 'systemctl start ngcp-fw-check.service'
want 'all can log in again' 'login true'
within 30 'it tells that on the terminals' 'grep -q "nobody confirmed generation" /root/terminal'
kill $client 2>/dev/null

trial /root/more.yml 90
want 'a new connection confirms it' "login $fw confirm"
within 20 'the watch has ended' '[ -z "$(watch)" ]'
want 'it stays' "$fw status | grep -q confirmed"
kill $client 2>/dev/null

want 'drift makes the check fail' 'nft add rule inet ngcp-fw input accept && ! systemctl start ngcp-fw-check.service'
want 'the unit that failed is to be seen' 'systemctl --failed --no-legend | grep -q ngcp-fw-check.service'
want 'the journal says why' 'journalctl -u ngcp-fw-check.service | grep -q drift:'
want 'apply repairs it' "$fw -f /root/more.yml apply && systemctl start ngcp-fw-check.service"

mkdir -p /etc/systemd/system/sysinit.target.wants
systemctl --quiet enable nftables.service systemd-networkd.service
want 'status tells of nftables.service' "$fw status | grep -q 'nftables.service is enabled'"
want 'apply tells of nftables.service' "$fw -f /root/more.yml apply 2>&1 | grep -q 'nftables.service is enabled'"

# For the next boot: a policy that is none any more.
echo '{' >/etc/ngcp-fw/policy.yml
generation >/root/expected
cat /root/said
