# The first process of the managed host: it has mounts and processes of its own,
# and all of them end with it, when its input ends.
#   sh host.sh DIRECTORY ADDRESS
set -e
dir=$1
mount --make-rprivate /
mkdir "$dir/etc"
cp -a /etc/. "$dir/etc"
mount --bind "$dir/etc" /etc
sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow # a locked account could not log in by its key
mount -t proc proc /proc
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
rm -rf /etc/ngcp-fw /etc/nologin
mkdir -p /run/sshd
/usr/sbin/sshd -D -e -f "$dir/sshd_config" -o "ListenAddress=$2" 2>"$dir/sshd.log" &
cat >/dev/null
