// SPDX-License-Identifier: Apache-2.0
// Many commands, many at a time, and much output: none lost, none mixed up.
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

class Load : public GuestTest {};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_F(Load, ThousandCommandsInOneVm) {
  constexpr int kCommands = 1000;
  const auto start = std::chrono::steady_clock::now();

  for (int i = 0; i < kCommands; ++i) {
    const std::string number = std::to_string(i);
    SM_ASSERT_OK_AND_ASSIGN(
        const auto outcome,
        vm().exec_builder()
            .argv({"sh", "-c", "echo " + number + "; exit " + std::to_string(i % 256)})
            .timeout(30s)
            .output());
    ASSERT_EQ(outcome.status, i % 256) << "command " << i;
    ASSERT_EQ(outcome.stdout, number + "\n");
  }

  const double rate = kCommands / seconds_since(start);
  RecordProperty("commands_per_second", std::to_string(rate));
  std::printf("[ measured ] %.0f commands a second, one after the other\n", rate);
  // Nothing of them stays: neither processes nor connections.
  EXPECT_EQ(sh_output(vm(), "ps -o stat | grep -c ^Z || true"), "0");
}

TEST_F(Load, SixtyFourCommandsAtATime) {
  constexpr int kThreads = 64;
  std::atomic<int> started = 0;
  std::vector<std::thread> threads;
  std::vector<std::string> wrong(kThreads);

  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([i, &started, &wrong] {
      const std::string number = std::to_string(i);
      auto child = vm().exec_builder()
                       .argv({"sh", "-c", "read line; echo $line " + number + "; exit " + number})
                       .with_stdin()
                       .timeout(60s)
                       .spawn();
      if (!child.ok()) {
        wrong[static_cast<std::size_t>(i)] = child.error().message();
        ++started;
        return;
      }
      // All wait for all, so that all run at once.
      ++started;
      while (started < kThreads) std::this_thread::sleep_for(10ms);
      const Status written = child.value().write_stdin("go\n", 30s);
      auto outcome = child.value().wait(60s);
      if (!written.ok() || !outcome.ok()) {
        wrong[static_cast<std::size_t>(i)] =
            (written.ok() ? outcome.error() : written.error()).message();
      } else if (outcome.value().status != i || outcome.value().stdout != "go " + number + "\n") {
        wrong[static_cast<std::size_t>(i)] =
            std::to_string(outcome.value().status) + ": " + outcome.value().stdout;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::printf("[ measured ] %d commands at a time in %.1f s\n", kThreads, seconds_since(start));
  for (int i = 0; i < kThreads; ++i)
    EXPECT_EQ(wrong[static_cast<std::size_t>(i)], "") << "command " << i;
}

// Counters, so that no two blocks are the same, in a file whose length no buffer's size divides.
std::string counters(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::uint64_t i = 0; (i + 1) * sizeof i <= size; ++i)
    std::memcpy(bytes.data() + i * sizeof i, &i, sizeof i);
  return bytes;
}

TEST_F(Load, OneGibThroughStandardOutputUnchanged) {
  constexpr std::size_t kGib = std::size_t{1} << 30;
  const std::string part = counters((std::size_t{64} << 20) + 4099);
  constexpr std::size_t kParts = 16;
  static_assert(kParts * (std::size_t{64} << 20) >= kGib);
  ASSERT_THAT(vm().write_file("/dev/shm/part", part), IsOk());
  std::vector<std::string> argv{"cat"};
  argv.insert(argv.end(), kParts, "/dev/shm/part");

  const auto start = std::chrono::steady_clock::now();
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm().exec(argv));
  std::size_t total = 0;
  int status = -1;
  while (status < 0) {
    SM_ASSERT_OK_AND_ASSIGN(const ExecEvent event, child.next(30s));
    if (const auto* end = std::get_if<ExecOutcome>(&event)) {
      status = end->status;
      break;
    }
    ASSERT_TRUE(std::holds_alternative<ExecStdout>(event));
    std::string_view data = std::get<ExecStdout>(event).data;
    while (!data.empty()) {
      const std::size_t at = total % part.size();
      const std::size_t take = std::min(data.size(), part.size() - at);
      ASSERT_EQ(std::memcmp(part.data() + at, data.data(), take), 0) << "near byte " << total;
      total += take;
      data.remove_prefix(take);
    }
  }

  EXPECT_EQ(status, 0);
  EXPECT_EQ(total, kParts * part.size());
  std::printf("[ measured ] 1 GiB of output in %.1f s\n", seconds_since(start));
  EXPECT_EQ(sh(vm(), "rm /dev/shm/part").status, 0);
}

// A reader that doesn't read holds the command up, and loses nothing.
TEST_F(Load, OutputWaitsForAReaderThatSleeps) {
  SM_ASSERT_OK_AND_ASSIGN(auto child, vm().exec({"sh", "-c", "seq 1 500000; echo done >&2"}));

  std::this_thread::sleep_for(2s);
  EXPECT_EQ(sh_output(vm(), "cat /proc/[0-9]*/comm | grep -cx seq"), "1");

  SM_ASSERT_OK_AND_ASSIGN(const auto outcome, child.wait(60s));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.stdout.ends_with("\n499999\n500000\n"));
  EXPECT_EQ(outcome.stdout.size(), 3388895U);  // the digits and newlines of 1 to 500000
  EXPECT_EQ(outcome.stderr, "done\n");
}

}  // namespace
}  // namespace supermachine
