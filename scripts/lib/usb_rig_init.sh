#!/bin/sh
# The first process of the virtual machine that scripts/usb-rig starts: busybox, no bash.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do
  insmod "$module"
done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /low
mount -t tmpfs tmpfs /up
mkdir /up/changes /up/work
mount -t overlay -o lowerdir=/low,upperdir=/up/changes,workdir=/up/work overlay /new
mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts pts /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm
mount -t tmpfs tmpfs /new/run
mkdir -p /new/run/share
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 share /new/run/share
chroot /new /bin/bash /run/share/run.sh >/dev/ttyS0 2>&1
echo $? >/new/run/share/status
umount /new/run/share
poweroff -f
