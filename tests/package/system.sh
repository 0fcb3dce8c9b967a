#!/bin/bash
# A small Debian of this machine's release, from the mirror of this machine's apt, in an archive that is named after the
# release: system.sh FOLDER. One that is newer than this script stays.
set -euo pipefail

# What the package depends on; systemd, which reads the unit; age, which opens the secrets that the WMDA team issues.
packages=adduser,procps,age,systemd

. /etc/os-release
archive=$1/$VERSION_CODENAME.tar
if [ "$archive" -nt "$0" ]; then
    exit
fi

from_apt() {
    apt-get indextargets --format "$1" 'Created-By: Packages' "Origin: ${ID^}" "Release: $VERSION_CODENAME" | sort --unique
}
mirror=$(from_apt '$(REPO_URI)' | sed --quiet 1p)
components=$(from_apt '$(COMPONENT)' | paste --serial --delimiters=,)
if [ -z "$mirror" ]; then
    echo "apt knows no mirror of $PRETTY_NAME: apt-get update" >&2
    exit 1
fi

root=$(mktemp --directory "$1/system.XXXXXX")
trap 'rm --recursive --force --one-file-system "$root" "$root.tar"' EXIT
chmod 0755 "$root"
echo "making a small $PRETTY_NAME from $mirror"
log=$1/debootstrap.log
if ! debootstrap --variant=minbase --include="$packages" --components="$components" \
    "$VERSION_CODENAME" "$root" "$mirror" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
tar --create --file "$root.tar" --directory "$root" --one-file-system \
    --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' .
mv "$root.tar" "$archive"
