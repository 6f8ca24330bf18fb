#!/bin/bash
# gpio-sim, a gpio chip whose lines are pulled from outside, for a Debian 12 kernel, whose configuration leaves it out:
#   build-gpio-sim.sh KERNEL DIR     makes DIR/gpio-sim/gpio-sim-hil.ko
set -euo pipefail
kernel=$1 work=$2/gpio-sim
mkdir -p "$work"
cd "$work"
if [ ! -f gpio-sim.c ]; then
  # Three files of linux-source-6.1, a package of 139 MB.
  (apt-get -qq download linux-source-6.1 && dpkg-deb --fsys-tarfile linux-source-6.1_*.deb |
    tar -xO ./usr/src/linux-source-6.1.tar.xz >source.tar.xz && rm linux-source-6.1_*.deb)
  tar -xJf source.tar.xz --strip-components=3 linux-source-6.1/drivers/gpio/{gpio-sim.c,gpiolib.h} linux-source-6.1/kernel/irq/irq_sim.c
  rm source.tar.xz
  # irq_to_desc() is not there for modules; this gives the same descriptor by calls that are.
  sed -i 's/irq_to_desc(irqnum)/irq_data_to_desc(irq_get_irq_data(irqnum))/' irq_sim.c
fi
printf 'obj-m := gpio-sim-hil.o\ngpio-sim-hil-y := gpio-sim.o irq_sim.o\nccflags-y += -I$(src)\n' >Kbuild
make -s -C "/lib/modules/$kernel/build" M="$work" modules
