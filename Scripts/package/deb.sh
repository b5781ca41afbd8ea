#!/usr/bin/env bash
# Makes dist/oobleck_VERSION_ARCHITECTURE.deb from the tarball: everything in /opt/oobleck, and the two
# commands in /usr/bin. libtorch is inside, so that apt needs nothing but the system's own libraries.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(sed -n 's/.*programVersion = "\(.*\)"/\1/p' Sources/Core/OobleckCore/ProgramVersion.swift)
name=oobleck-$version-linux-$(uname -m)
[ -f "dist/$name.tar.zst" ] || { echo "deb: no dist/$name.tar.zst; run: make tarball" >&2; exit 65; }
# A version that is not released yet comes before the release: 0.1.0-dev is 0.1.0~dev.
package=oobleck_${version/-/\~}_$(dpkg --print-architecture)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/$package
mkdir -p "$root"/{DEBIAN,opt,usr/bin,usr/share/doc/oobleck}
tar --zstd -C "$root/opt" -xf "dist/$name.tar.zst"
mv "$root/opt/$name" "$root/opt/oobleck"
for program in oobleck oobleck-worker; do
    ln -s "../../opt/oobleck/bin/$program" "$root/usr/bin/$program"
done
cp LICENSE "$root/usr/share/doc/oobleck/copyright"
cat >"$root/DEBIAN/control" <<END
Package: oobleck
Version: ${version/-/\~}
Architecture: $(dpkg --print-architecture)
Maintainer: The Oobleck in Swift authors <oobleck@localhost>
Depends: libc6 (>= 2.35), libstdc++6 (>= 12), zlib1g
Suggests: openssh-client, python3
Installed-Size: $(du -sk "$root/opt" | cut -f1)
Section: science
Priority: optional
Description: trains models on machines that fail
 Oobleck trains a model on several machines and keeps training when machines
 fail. The trained parameters are the same, bit for bit, as without failures.
END
# The digest of the example's text is kept beside it.
cat >"$root/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
case "$1" in remove | purge) rm -rf /opt/oobleck ;; esac
END
chmod -R u=rwX,go=rX "$root"
chmod 755 "$root/DEBIAN/postrm"
dpkg-deb --build --root-owner-group -Zzstd -z10 "$root" "dist/$package.deb" >/dev/null
echo "deb: dist/$package.deb: $(($(stat -c %s "dist/$package.deb") / 1000000)) MB"
