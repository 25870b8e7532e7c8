# What the boots share. Each check prints a line that the test reads.
fw=/usr/sbin/ngcp-fw

# want NAME SCRIPT: the script ends well.
want() {
	if out=$(eval "$2" 2>&1); then echo "ok: $1"; else
		echo "FAIL: $1"
		printf '%s\n%s\n' "$2" "$out" | sed 's/^/    /'
	fi
}

# within SECONDS NAME SCRIPT: it ends well some time.
within() {
	end=$(($(date +%s) + $1))
	until (eval "$3") >/dev/null 2>&1 || [ "$(date +%s)" -ge $end ]; do sleep 0.5; done
	want "$2" "$3"
}

# An administrator's machine, and how it logs in here.
network() {
	ip netns add admin
	ip link add admin0 type veth peer name eth0 netns admin
	ip addr add 10.9.0.1/24 dev admin0
	ip link set admin0 up
	ip -n admin addr add 10.9.0.2/24 dev eth0
	ip -n admin link set eth0 up
	systemctl start ssh.service
	if ! [ -e /root/.ssh/id_ed25519 ]; then
		ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
		cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
	fi
}
login() {
	ip netns exec admin ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o ConnectTimeout=4 root@10.9.0.1 "$@"
}

watch() { systemctl list-units --no-legend --plain 'ngcp-fw-confirm-*' | cut -d' ' -f1; }
pid() { systemctl show -P MainPID "$(watch)"; }
generation() { $fw status -o json | sed -n 's/^ *"generation": \([0-9]*\),.*/\1/p' | head -1; }

# at UNIT PROPERTY: when that was, in microseconds since the kernel started.
at() { systemctl show -P "$2TimestampMonotonic" "$1"; }
