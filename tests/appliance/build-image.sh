#!/bin/bash
# A machine that behaves like a Pi, as an image for qemu: Debian 12 with systemd, ALSA's loopback card, an emulated USB
# card, and a gpio chip that calls itself pinctrl-bcm2711 and whose lines can be pulled.
#   build-image.sh DIR     makes DIR/{disk.img,vmlinuz,initrd.img}
# Needs, as packages, what `make appliance` installs. What is downloaded goes through apt, from this machine's sources.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
build=$(mktemp -d "$work/build.XXXX")
trap 'rm -rf "$build"' EXIT
root=$build/root
kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends/ {print $2}' | sed 's/linux-image-//')

# What a Raspberry Pi OS has and the package needs. The package itself comes later, as to any machine.
mmdebstrap --quiet --variant=minbase --aptopt='Apt::Install-Recommends "false"' \
  --include=systemd-sysv,dbus,udev,kmod,python3,python3-pyaudio,python3-numpy,python3-yaml,alsa-utils,procps \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$root" /etc/apt/sources.list.d/debian.sources

# The kernel, and of its modules those that are needed.
(cd "$build" && apt-get -qq download "linux-image-$kernel")
modules=./lib/modules/$kernel
dpkg-deb --fsys-tarfile "$build"/linux-image-*.deb | tar -x -C "$root" --keep-directory-symlink --wildcards \
  './boot/vmlinuz*' "$modules/modules.*" "$modules/kernel/"{sound,lib,crypto,drivers/{virtio,usb,hid,char,base,media/mc},arch/x86/crypto}'/*' \
  "$modules/kernel/drivers/block/virtio_blk*" "$modules/kernel/fs/"{ext4,jbd2,fat,nls,9p,netfs,fscache,configfs,mbcache*}'*' "$modules/kernel/net/9p/*" 2>/dev/null || true
mv "$root/boot/vmlinuz-$kernel" "$work/vmlinuz"
[ "$(modinfo -F vermagic "$work/gpio-sim/gpio-sim-hil.ko" 2>/dev/null | cut -d' ' -f1)" = "$kernel" ] || "$here/build-gpio-sim.sh" "$kernel" "$work"
mkdir -p "$root/usr/lib/modules/$kernel/updates"
cp "$work/gpio-sim/gpio-sim-hil.ko" "$root/usr/lib/modules/$kernel/updates/"
depmod -b "$root/usr" "$kernel" 2>/dev/null || depmod -b "$root" "$kernel"

# Its hardware, there before everything else, and what runs the tests: the script that the share holds.
echo pi >"$root/etc/hostname"
echo '127.0.0.1 localhost pi' >"$root/etc/hosts"
: >"$root/etc/machine-id"
printf '/dev/vda / ext4 defaults 0 1\n/dev/vdb /boot/firmware vfat defaults 0 2\n' >"$root/etc/fstab"
mkdir -p "$root"/{boot/firmware,shared,etc/systemd/journald.conf.d,etc/systemd/system/sysinit.target.wants,etc/systemd/system/multi-user.target.wants}
printf '[Journal]\nStorage=persistent\n' >"$root/etc/systemd/journald.conf.d/appliance.conf"
printf 'configfs\nsnd-aloop\ngpio-sim-hil\n9p\n9pnet_virtio\nvfat\nnls_ascii\nnls_cp437\n' >"$root/etc/modules-load.d/appliance.conf"
echo 'options snd-aloop index=0 id=Loopback pcm_substreams=2' >"$root/etc/modprobe.d/appliance.conf"
# A unit with a /proc of its own does not see the cpuinfo that `hardware` makes; this is the one thing that a Pi does not need.
mkdir "$root/etc/systemd/system/clonespeaker.service.d"
printf '[Service]\nBindReadOnlyPaths=/run/cpuinfo:/proc/cpuinfo\n' >"$root/etc/systemd/system/clonespeaker.service.d/cpuinfo.conf"
cp "$here"/guest/{hardware,run} "$root/usr/local/bin/"
cp "$here"/guest/*.service "$root/etc/systemd/system/"
ln -s ../hardware.service "$root/etc/systemd/system/sysinit.target.wants/"
ln -s ../run.service "$root/etc/systemd/system/multi-user.target.wants/"
for unit in getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer systemd-pstore.service \
  dpkg-db-backup.timer e2scrub_reap.service serial-getty@ttyS0.service alsa-restore.service alsa-state.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
rm -rf "$root"/boot/initrd* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

# What finds the disk.
mkdir -p "$build"/initrd/{bin,modules,proc,sys,dev,root}
cp /bin/busybox "$build/initrd/bin/"
for module in virtio_pci virtio_blk ext4; do
  modprobe -d "$root/usr" -S "$kernel" --show-depends $module 2>/dev/null || modprobe -d "$root" -S "$kernel" --show-depends $module
done | awk '$1 == "insmod" {print $2}' | grep -v crc32c-intel | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "$build/initrd/modules/"
  basename "$file" >>"$build/initrd/modules/order"
done
cp "$here/guest/init" "$build/initrd/init"
(cd "$build/initrd" && find . | cpio --quiet -o -H newc >"$work/initrd.img")

rm -f "$work/disk.img"
mke2fs -q -t ext4 -d "$root" -E root_owner=0:0 "$work/disk.img" 1200M
