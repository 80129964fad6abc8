// SPDX-License-Identifier: Apache-2.0
#include "support/qemu.h"

namespace supermachine::bench {

std::vector<std::string> qemu_command(const QemuGuest& guest) {
  // As src/vmm/machine.cc has it, but for the reset: the triple fault needs no keyboard controller.
  const std::string args =
      "console=ttyS0 8250.nr_uarts=1 reboot=t panic=-1 acpi=off no_timer_check tsc=reliable "
      "random.trust_cpu=on quiet " +
      guest.kernel_args;
  std::vector<std::string> command{
      "qemu-system-x86_64",
      "-M",
      "microvm,accel=kvm,pit=off,pic=off,rtc=off,acpi=off,isa-serial=on",
      "-cpu",
      "host",
      "-smp",
      "1",
      "-m",
      "256",
      "-nodefaults",
      "-no-user-config",
      "-no-reboot",
      "-display",
      "none",
      "-serial",
      "stdio",
      "-kernel",
      guest.kernel,
      "-initrd",
      guest.initramfs,
      "-append",
      args,
      "-drive",
      "id=root,if=none,format=raw,readonly=on,file=" + guest.root_image,
      "-device",
      "virtio-blk-device,drive=root",
      "-object",
      "rng-random,id=rng,filename=/dev/urandom",
      "-device",
      "virtio-rng-device,rng=rng"};
  if (guest.guest_cid != 0) {
    command.emplace_back("-device");
    command.emplace_back("vhost-vsock-device,guest-cid=" + std::to_string(guest.guest_cid));
  }
  return command;
}

}  // namespace supermachine::bench
