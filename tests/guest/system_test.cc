// SPDX-License-Identifier: Apache-2.0
// What a program in a guest finds around it.
#include "guest.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class System : public GuestTest {};

TEST_F(System, HasTheMountsThatProgramsExpect) {
  const std::string mounts = "\n" + sh_output(vm(), "awk '{ print $2, $3 }' /proc/mounts") + "\n";

  for (const char* mount : {"/ overlay", "/proc proc", "/sys sysfs", "/sys/fs/cgroup cgroup2",
                            "/dev devtmpfs", "/dev/pts devpts", "/dev/shm tmpfs", "/tmp tmpfs"}) {
    EXPECT_THAT(mounts, HasSubstr("\n" + std::string(mount) + "\n"));
  }
}

TEST_F(System, ItsRootIsWritable) {
  EXPECT_EQ(sh_output(vm(), "echo new > /etc/new && cat /etc/new && rm /etc/new"), "new");
  EXPECT_EQ(sh_output(vm(), "cp /bin/busybox /root/b && rm /root/b && ls /root | wc -l"), "0");
}

TEST_F(System, TheImageBelowItIsNot) {
  EXPECT_EQ(sh_output(vm(), "cat /sys/block/vda/ro"), "1");
  const ExecOutcome mounted =
      sh(vm(),
         "mkdir -p /tmp/image && mount -t squashfs -o ro /dev/vda /tmp/image && "
         "touch /tmp/image/x; echo $?; umount /tmp/image; rmdir /tmp/image");
  EXPECT_EQ(mounted.stdout, "1\n");
  EXPECT_THAT(mounted.stderr, HasSubstr("Read-only file system"));
  EXPECT_NE(sh(vm(), "dd if=/dev/zero of=/dev/vda bs=512 count=1 conv=notrunc,fsync").status, 0);
}

TEST_F(System, KnowsItsName) {
  EXPECT_EQ(sh_output(vm(), "hostname"), "supermachine");
  EXPECT_EQ(sh_output(vm(), "cat /etc/hostname"), "supermachine");
  EXPECT_THAT(sh_output(vm(), "cat /etc/hosts"), HasSubstr("supermachine"));
}

TEST_F(System, ItsLoopbackIsUp) {
  EXPECT_THAT(sh_output(vm(), "ip addr show lo"), HasSubstr("inet 127.0.0.1/8"));
  EXPECT_EQ(
      sh_output(vm(),
                "(echo hello | nc -l -p 8080) & "
                "for i in $(seq 50); do nc 127.0.0.1 8080 < /dev/null && break; sleep 0.1; done"),
      "hello");
}

TEST_F(System, ItsDevicesAreThere) {
  EXPECT_EQ(sh_output(vm(),
                      "head -c 16 /dev/urandom | wc -c; head -c 3 /dev/zero | wc -c; "
                      "echo gone > /dev/null; readlink /dev/stdout"),
            "16\n3\n/proc/self/fd/1");
  EXPECT_THAT(sh_output(vm(), "cat /sys/class/misc/hw_random/rng_current"),
              MatchesRegex("virtio_rng.*"));
}

TEST_F(System, ItsClockIsRight) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };

  const auto before = now();
  const long guest = std::stol(sh_output(vm(), "date +%s"));
  const auto after = now();

  EXPECT_GE(guest, before - 2);
  EXPECT_LE(guest, after + 2);
}

TEST_F(System, TheAgentUsesAtMostTwoMebibytes) {
  EXPECT_EQ(sh_output(vm(), "readlink /proc/1/exe"), "/init");
  const long rss_kib = std::stol(sh_output(vm(), "awk '/^VmRSS:/ { print $2 }' /proc/1/status"));

  std::printf("[ measured ] agent's VmRSS: %ld KiB\n", rss_kib);
  EXPECT_LE(rss_kib, 2048);
}

TEST_F(System, OrphansAreReaped) {
  // Each inner shell ends before its child does, which leaves that child to process 1.
  EXPECT_EQ(sh(vm(), "for i in $(seq 20); do sh -c 'sleep 0.2 &' ; done; sleep 1").status, 0);

  EXPECT_EQ(sh_output(vm(),
                      "for i in $(seq 50); do "
                      "n=$(cat /proc/[0-9]*/stat 2>/dev/null | cut -d' ' -f3 | grep -c Z); "
                      "[ $n = 0 ] && break; sleep 0.1; done; echo $n"),
            "0");
}

TEST_F(System, KillingEverythingLeavesTheAgent) {
  // Signal 15 is how `reboot` asks for a restart; 9 the kernel does not let through to process 1.
  EXPECT_EQ(sh(vm(), "kill -9 1; echo still").stdout, "still\n");
  EXPECT_EQ(sh(vm(), "sleep 600 & kill -9 -1; wait $!").status, 128 + 9);

  EXPECT_EQ(sh_output(vm(), "echo back"), "back");
}

TEST_F(System, ServesCommandsWhenMemoryRunsOut) {
  // tail keeps all of an endless line, so the kernel ends the one that eats.
  EXPECT_NE(sh(vm(), "tail /dev/zero").status, 0);

  EXPECT_EQ(sh_output(vm(), "echo back"), "back");
}

}  // namespace
}  // namespace supermachine
