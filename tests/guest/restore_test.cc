// SPDX-License-Identifier: Apache-2.0
// Restores, again and again: each works, none is like another, all know what time it is.
#include <cmath>
#include <set>
#include <thread>

#include "open_files.h"
#include "snapshot_guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

// A guest with a loop for each of its vCPUs, and a process that counts what its timer does.
Result<Image> capture_busy_guest(std::uint32_t vcpus, const std::string& directory) {
  Vm vm = SM_TRY(start_guest(VmConfig().with_memory_mib(128).with_vcpus(vcpus)));
  sh_output(vm, "for i in $(seq " + std::to_string(vcpus) +
                    "); do (while :; do :; done) & done; "
                    "(while :; do sleep 0.01; echo >> /tmp/ticks; done) & "
                    "while [ ! -s /tmp/ticks ]; do sleep 0.01; done");
  return vm.snapshot(directory);
}

class Restore : public SnapshotDirTest {
 protected:
  // A lost timer interrupt leaves a copy's processes asleep: the command's own, or the one that
  // slept when it was captured.
  void expect_no_hang(std::uint32_t vcpus, int rounds) {
    SM_ASSERT_OK_AND_ASSIGN(const Image image, capture_busy_guest(vcpus, path("busy")));
    for (int i = 0; i < rounds; ++i) {
      auto vm = image.start();
      ASSERT_THAT(vm, IsOk()) << "restore " << i;
      auto outcome = vm.value()
                         .exec_builder()
                         .argv({"sh", "-c",
                                "before=$(wc -c < /tmp/ticks); sleep 0.01; "
                                "while [ $(wc -c < /tmp/ticks) = $before ]; do sleep 0.01; done; "
                                "echo ticks; exit 3"})
                         .timeout(20s)
                         .output();
      ASSERT_THAT(outcome, IsOk()) << "restore " << i;
      ASSERT_FALSE(outcome.value().timed_out) << "restore " << i;
      ASSERT_EQ(outcome.value().stdout, "ticks\n") << "restore " << i;
      ASSERT_EQ(outcome.value().status, 3) << "restore " << i;
    }
  }
};

// Emulated, 500 rounds take two minutes with one vCPU, and five with four that share a processor.
TEST_F(Restore, NeverHangsABusyGuest) { expect_no_hang(1, is_soak() ? 500 : 200); }

TEST_F(Restore, NeverHangsABusyGuestOfFourVcpus) { expect_no_hang(4, is_soak() ? 500 : 50); }

class RestoredCopies : public BusyboxSnapshotTest {};

TEST_F(RestoredCopies, HaveRandomNumbersOfTheirOwn) {
  allow_many_open_files();
  constexpr std::size_t kCopies = 100;
  std::vector<Vm> copies;  // all at once, as in a burst
  std::set<std::string> random;
  std::set<std::string> boot_ids;
  std::set<std::string> uuids;
  std::set<std::string> instances;
  for (std::size_t i = 0; i < kCopies; ++i) {
    auto vm = image().start();
    ASSERT_THAT(vm, IsOk()) << i;
    const std::string said =
        sh_output(vm.value(),
                  "xxd -p -l 16 /dev/urandom; cat /proc/sys/kernel/random/boot_id "
                  "/proc/sys/kernel/random/uuid; head -n 1 /run/supermachine/instance");
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < said.size();) {
      const std::size_t end = std::min(said.find('\n', at), said.size());
      lines.push_back(said.substr(at, end - at));
      at = end + 1;
    }
    ASSERT_EQ(lines.size(), 4U) << said;
    EXPECT_EQ(lines[0].size(), 32U);
    EXPECT_EQ(lines[1].size(), 36U);
    random.insert(lines[0]);
    boot_ids.insert(lines[1]);
    uuids.insert(lines[2]);
    instances.insert(lines[3]);
    copies.push_back(std::move(vm).value());
  }

  EXPECT_EQ(random.size(), kCopies);
  EXPECT_EQ(boot_ids.size(), kCopies);
  EXPECT_EQ(uuids.size(), kCopies);
  EXPECT_EQ(instances.size(), kCopies);
}

TEST_F(RestoredCopies, HaveTheNamesTheyAreGiven) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  SM_ASSERT_OK_AND_ASSIGN(const Vm named,
                          image().start(VmConfig().with_hostname("worker-7").with_machine_id(id)));
  EXPECT_EQ(sh_output(named, "hostname; cat /etc/hostname /etc/machine-id"),
            "worker-7\nworker-7\n" + id);

  SM_ASSERT_OK_AND_ASSIGN(const Vm other, image().start());
  EXPECT_EQ(sh_output(other, "hostname; cat /etc/hostname; [ ! -e /etc/machine-id ] && echo none"),
            "supermachine\nsupermachine\nnone");
}

TEST_F(RestoredCopies, AreOfTheShapeThatWasCaptured) {
  EXPECT_THAT(image().start(VmConfig().with_memory_mib(256)),
              FailsSaying(Errc::kInvalidArgument, "256 MiB of memory"));
  EXPECT_THAT(image().start(VmConfig().with_vcpus(2)),
              FailsSaying(Errc::kInvalidArgument, "2 vCPUs"));
  EXPECT_THAT(image().start(VmConfig().with_memory_mib(128).with_vcpus(1)), IsOk());
}

// What the guest's clocks say, and between which moments of the host.
struct Clocks {
  double before = 0;
  double after = 0;
  double wall = 0;       // seconds since 1970
  double monotonic = 0;  // seconds
};

double host_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A program that waits in the guest tells its clocks for each line that it reads, so that no start
// of a process counts.
Result<ExecChild> start_clock_reader(const Vm& vm) {
  return vm.exec_builder()
      .argv({"perl", "-MTime::HiRes=clock_gettime,CLOCK_REALTIME,CLOCK_MONOTONIC", "-ne",
             "BEGIN { $| = 1; print qq(up\\n) } printf qq(%.4f %.4f\\n), "
             "clock_gettime(CLOCK_REALTIME), clock_gettime(CLOCK_MONOTONIC);"})
      .with_stdin()
      .spawn();
}

Result<std::string> next_line(ExecChild& child) {
  std::string line;
  while (!line.ends_with('\n')) {
    const ExecEvent event = SM_TRY(child.next(20s));
    const auto* out = std::get_if<ExecStdout>(&event);
    if (out == nullptr) return Error(Errc::kGuestFault, "the clock reader ended or complained");
    line += out->data;
  }
  return line;
}

Result<Clocks> read_clocks(ExecChild& reader) {
  Clocks clocks{.before = host_clock()};
  SM_TRY(reader.write_stdin("?\n", 20s));
  const std::string line = SM_TRY(next_line(reader));
  clocks.after = host_clock();
  std::size_t used = 0;
  clocks.wall = std::stod(line, &used);
  clocks.monotonic = std::stod(line.substr(used));
  return clocks;
}

class RestoredClock : public SnapshotDirTest {
 protected:
  // Starts copies of a guest whose clock was `behind` seconds behind at the capture.
  void expect_right_time_after(double behind) {
    SM_ASSERT_OK_AND_ASSIGN(Vm source, start_guest(VmConfig().with_memory_mib(192), "python"));
    sh_output(source, "date -s @$(( $(date +%s) - " + std::to_string(std::lround(behind)) + " ))");
    double monotonic = 0;
    double looked = 0;
    {
      SM_ASSERT_OK_AND_ASSIGN(ExecChild reader, start_clock_reader(source));
      ASSERT_THAT(next_line(reader), IsOk());
      SM_ASSERT_OK_AND_ASSIGN(const Clocks clocks, read_clocks(reader));
      EXPECT_NEAR(clocks.wall, clocks.before - behind, 5);
      monotonic = clocks.monotonic;
      looked = clocks.before;
    }
    SM_ASSERT_OK_AND_ASSIGN(const Image image, source.snapshot(path("late")));
    const double ran = host_clock() - looked;  // at most, until it was captured
    std::this_thread::sleep_for(5s);
    for (int i = 0; i < 3; ++i) {
      const double started = host_clock();
      SM_ASSERT_OK_AND_ASSIGN(const Vm copy, image.start());
      SM_ASSERT_OK_AND_ASSIGN(ExecChild reader, start_clock_reader(copy));
      ASSERT_THAT(next_line(reader), IsOk());
      for (bool late = false; !late;) {
        SM_ASSERT_OK_AND_ASSIGN(const Clocks clocks, read_clocks(reader));
        EXPECT_GE(clocks.wall, clocks.before - 0.1);
        EXPECT_LE(clocks.wall, clocks.after + 0.1);
        // What the source ran after it was looked at, and the copy so far. The time between, when
        // nothing ran, would be a jump that lets every timeout in the guest pass.
        EXPECT_GE(clocks.monotonic, monotonic);
        EXPECT_LE(clocks.monotonic, monotonic + ran + (clocks.after - started) + 1);
        late = clocks.after > started + 2;
        if (!late) std::this_thread::sleep_for(200ms);
      }
    }
  }
};

TEST_F(RestoredClock, IsTheHosts) { expect_right_time_after(0); }

TEST_F(RestoredClock, IsTheHostsADayLater) { expect_right_time_after(24 * 3600); }

}  // namespace
}  // namespace supermachine
