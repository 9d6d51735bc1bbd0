#!/usr/bin/env bash
# Boots systemd in namespaces of its own, in a root directory in memory: it sees
# /usr and the project, and cannot write to either. Runs as root, as the first
# process of new namespaces:
#
#   unshare --mount --pid --uts --ipc --cgroup --fork boot.sh ROOT DENO CACHE UNITS
#
# ROOT is an empty directory to mount on, DENO the program, CACHE its directory
# of packages, UNITS a directory of units, with a test.target to start.
set -euo pipefail

root=$1 deno=$2 cache=$3 units=$4
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p usr etc/systemd/system opt/bin opt/cache opt/recv_end
mkdir -p proc sys dev run tmp var root old
for name in bin sbin lib lib64; do
  [[ -d /usr/$name ]] && ln -s "usr/$name" "$name"
done
bind() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}
bind /usr usr
touch opt/bin/deno
bind "$deno" opt/bin/deno
bind "$cache" opt/cache
bind "$project" opt/recv_end
cp -a "$units"/. etc/systemd/system/
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache etc/

mount -t tmpfs tmpfs dev
for name in null zero full random urandom tty; do
  touch "dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
mount -t devpts devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t proc proc proc
mount -t tmpfs tmpfs sys
mkdir -p sys/fs/cgroup
if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi

pivot_root . old
umount -l /old
exec env -i PATH=/usr/bin:/bin container=recv_end \
  /lib/systemd/systemd --unit=test.target --log-target=journal \
  --log-level=notice --show-status=no
