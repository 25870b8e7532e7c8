#!/bin/sh
# Makes the guest's disk from Debian's packages: build.sh SOURCES FOLDER
# leaves disk.img, vmlinuz and initrd.img in FOLDER. SOURCES holds the files
# next to this script. Needs root, mmdebstrap and mke2fs.
set -eu
sources=$1
folder=$2
suite=bookworm
mirror=${NGCP_FW_VM_MIRROR:-http://deb.debian.org/debian}
security=${NGCP_FW_VM_SECURITY_MIRROR:-http://deb.debian.org/debian-security}

packages=linux-image-cloud-amd64,linux-headers-cloud-amd64
packages=$packages,systemd,systemd-sysv,libpam-systemd,udev,dbus,kmod,procps,python3,openssh-server,openssh-client
packages=$packages,nftables,iptables,ipset,iproute2,iputils-ping,conntrack,tcpdump
packages=$packages,make,gcc,dkms,rtpengine-daemon,rtpengine-iptables,rtpengine-kernel-dkms

root=$folder/root
mmdebstrap --quiet --mode=root --variant=minbase --architectures=amd64 \
    --include="$packages" \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt=force-unsafe-io --dpkgopt=force-confold \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook="copy-in $sources/initramfs.conf /tmp" \
    --essential-hook='install -D -m 0644 "$1/tmp/initramfs.conf" "$1/etc/initramfs-tools/conf.d/guest"' \
    --essential-hook='mkdir -p "$1/usr/share/initramfs-tools/modules.d"; printf "virtio_pci\nvirtio_blk\next4\n" >"$1/usr/share/initramfs-tools/modules.d/guest"' \
    --customize-hook="copy-in $sources/guest-script.service /etc/systemd/system" \
    --customize-hook="copy-in $sources/guest-script /usr/local/sbin" \
    --customize-hook='chmod 0755 "$1/usr/local/sbin/guest-script"' \
    --customize-hook='chroot "$1" systemctl --quiet enable guest-script.service' \
    --customize-hook='chroot "$1" systemctl --quiet disable rtpengine-daemon.service ssh.service nftables.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service systemd-timesyncd.service 2>/dev/null || true' \
    --customize-hook='chroot "$1" systemctl --quiet mask getty.target serial-getty@ttyS0.service systemd-update-utmp-runlevel.service' \
    --customize-hook='echo guest >"$1/etc/hostname"; : >"$1/etc/machine-id"' \
    --customize-hook='printf "LABEL=guest / ext4 defaults,noatime 0 0\n" >"$1/etc/fstab"' \
    --customize-hook='ls "$1"/lib/modules/*/updates/dkms/xt_RTPENGINE.ko*' \
    "$suite" "$root" \
    "deb $mirror $suite main" \
    "deb $mirror $suite-updates main" \
    "deb $security $suite-security main" >&2

cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd.img"
mke2fs -q -F -t ext4 -E lazy_itable_init=1 -L guest -d "$root" "$folder/disk.img" 3G
rm -rf "$root"
