#!/bin/sh
# Makes the Debian package of the program and the manual pages in a folder, and
# puts it there: debian/build.sh VERSION ARCHITECTURE FOLDER. The same bytes for
# the same SOURCE_DATE_EPOCH. Needs dpkg-deb, not root.
set -eu
umask 022
version=$1
arch=$2
bin=$3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
doc=$root/usr/share/doc/ngcp-fw
units=$root/lib/systemd/system

chmod 0755 "$root"
install -D -m 0755 "$bin/ngcp-fw" "$root/usr/sbin/ngcp-fw"
for page in "$bin"/man/*; do
    folder=$root/usr/share/man/man${page##*.}
    mkdir -p "$folder"
    gzip -9n <"$page" >"$folder/${page##*/}.gz"
done

completion() { mkdir -p "$root/$2"; "$bin/ngcp-fw" completion "$1" >"$root/$2/$3"; }
completion bash usr/share/bash-completion/completions ngcp-fw
completion zsh usr/share/zsh/vendor-completions _ngcp-fw
completion fish usr/share/fish/vendor_completions.d ngcp-fw.fish

mkdir -p "$units"
for unit in debian/*.service debian/*.timer; do
    sed -e '/^@HARDENING@$/{r debian/hardening' -e 'd}' "$unit" >"$units/${unit##*/}"
done

mkdir -p "$doc"
cp -R examples "$doc/examples"
find "$doc/examples" -name '*.go' -delete
find "$doc/examples" -type d -empty -delete
cp LICENSE "$doc/copyright"
gzip -9n <CHANGELOG.md >"$doc/CHANGELOG.md.gz"
gzip -9n >"$doc/changelog.gz" <<END
ngcp-fw ($version) unstable; urgency=medium

  * What is new: CHANGELOG.md.gz.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
install -D -m 0644 debian/lintian-overrides "$root/usr/share/lintian/overrides/ngcp-fw"

mkdir "$root/DEBIAN"
size=$(find "$root" -type f -printf "%s\n" | awk "{ sum += int((\$1 + 1023) / 1024) } END { print sum }")
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" debian/control >"$root/DEBIAN/control"
install -m 0755 debian/postinst debian/prerm debian/postrm "$root/DEBIAN"
(cd "$root" && find usr lib -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -type d -exec chmod 0755 {} +
find "$doc" "$units" -type f -exec chmod 0644 {} +

dpkg-deb --root-owner-group -Zxz --build "$root" "$bin/ngcp-fw_${version}_$arch.deb"
