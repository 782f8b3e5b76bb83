# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Sourced by the lab's scripts: where things are, messages, entering the trixie root.
# SVIO_LAB is the lab's folder (default: build/lab of the repository, in no commit).

lab_src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_top=$(cd "$lab_src/../.." && pwd)
lab=${SVIO_LAB:-$lab_top/build/lab}
rootfs=$lab/rootfs

say() {
	echo "lab: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# Succeeds when the host's own QEMU has a vfio-user client (10.1 and newer).
host_qemu_is_new() {
	local version
	version=$(qemu-system-x86_64 --version 2> /dev/null | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
	[[ -n $version && $(printf '10.1\n%s\n' "$version" | sort -V | head -n 1) == 10.1 ]]
}

# Runs a command whose mounts end with it, however it ends.
in_own_mounts() {
	# In a plain chroot "/" is no mount point and cannot be made private; nor does it need to be.
	unshare --mount --propagation unchanged bash -c '
		mount --make-rprivate / 2> /dev/null || true
		exec "$@"
	' in_own_mounts "$@"
}

# Runs a command inside the trixie root in a mount namespace of its own, which the kernel
# tears down with the last process in it, however that one ends.
# usage: in_rootfs [HOST_DIR:ROOT_DIR]... -- COMMAND...
in_rootfs() {
	local binds=()
	while [[ $1 != -- ]]; do
		binds+=("$1")
		shift
	done
	shift
	# In a plain chroot "/" is no mount point and cannot be made private; nor does it need to be.
	unshare --mount --propagation unchanged bash -euc '
		mount --make-rprivate / 2> /dev/null || true
		rootfs=$1 count=$2
		shift 2
		mount --rbind /dev "$rootfs/dev"
		mount -t proc proc "$rootfs/proc"
		for ((; count > 0; count--)); do
			mkdir -p "$rootfs/${1##*:}"
			mount --bind "${1%:*}" "$rootfs/${1##*:}"
			shift
		done
		exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/ chroot "$rootfs" "$@"
	' in_rootfs "$rootfs" "${#binds[@]}" ${binds[@]+"${binds[@]}"} "$@"
}
