#!/usr/bin/env bash
# Makes an image with all programs from the tarball: localhost/oobleck:VERSION in buildah's store, and
# dist/oobleck-VERSION-linux-ARCHITECTURE.oci.tar. Coordinator and agents use the same image. It has no shell;
# its user is not root; its root may be read-only. Status 77: there is no buildah here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v buildah >/dev/null || { echo "image: skipped: no buildah; run: apt install buildah" >&2; exit 77; }
version=$(sed -n 's/.*programVersion = "\(.*\)"/\1/p' Sources/Core/OobleckCore/ProgramVersion.swift)
name=oobleck-$version-linux-$(uname -m)
[ -f "dist/$name.tar.zst" ] || { echo "image: no dist/$name.tar.zst; run: make tarball" >&2; exit 65; }
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=chroot
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{opt,etc,tmp,usr/share/doc}
chmod 1777 "$root/tmp"
tar --zstd -C "$root/opt" -xf "dist/$name.tar.zst"
mv "$root/opt/$name" "$root/opt/oobleck"
# The system's libraries that the programs need, at their places, with their licences.
ldd "$root"/opt/oobleck/bin/* "$root"/opt/oobleck/lib/*.so |
    grep -o '/[^ ]*' | grep -v "^$root" | grep '\.so' | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
for package in libc6 libstdc++6 libgcc-s1 zlib1g; do
    mkdir -p "$root/usr/share/doc/$package"
    cp "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/" 2>/dev/null || true
done
echo 'oobleck:x:10001:10001::/tmp:/nowhere' >"$root/etc/passwd"
echo 'oobleck:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
container=$(buildah from scratch)
trap 'rm -rf "$root"; buildah rm "$container" >/dev/null' EXIT
buildah copy --quiet "$container" "$root" / >/dev/null
buildah config --user 10001:10001 --env PATH=/opt/oobleck/bin --env HOME=/tmp --workingdir /tmp \
    --entrypoint '["oobleck"]' --cmd --help --stop-signal SIGTERM \
    --label org.opencontainers.image.title=oobleck --label org.opencontainers.image.version="$version" \
    --label org.opencontainers.image.licenses=Apache-2.0 "$container"
buildah commit --quiet "$container" "localhost/oobleck:$version" >/dev/null
rm -f "dist/$name.oci.tar"
buildah push --quiet "localhost/oobleck:$version" "oci-archive:dist/$name.oci.tar:localhost/oobleck:$version"
echo "image: localhost/oobleck:$version and dist/$name.oci.tar: $(($(stat -c %s "dist/$name.oci.tar") / 1000000)) MB"
