// SPDX-License-Identifier: Apache-2.0
// Snapshots of a machine that ran, written by an early version: they still run, to their end. Their
// guest is the tiny one, halfway; of its processor's state they have what every host can take.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "golden.h"
#include "result_matchers.h"
#include "snapshot/snapshot.h"
#include "snapshot/writer.h"
#include "tiny_guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMemoryMib = 4;  // of the 32 that it was booted with; it uses no more
constexpr const char* kFull = "snapshot/v1-machine/full";
constexpr const char* kDiff = "snapshot/v1-machine/diff";

// What differs between hosts says nothing to this guest.
void make_portable(kvm::VcpuState& vcpu) {
  constexpr std::array<std::uint32_t, 9> kMsrs{
      0x10, 0x174, 0x175, 0x176, 0x277, 0xc000'0081, 0xc000'0082, 0xc000'0084, 0xc000'0102};
  constexpr std::array<std::uint32_t, 5> kLeaves{0, 1, 0x8000'0000, 0x8000'0001, 0x8000'0008};
  std::erase_if(vcpu.msrs, [&](const kvm::Msr& msr) {
    return std::ranges::find(kMsrs, msr.index) == kMsrs.end();
  });
  std::erase_if(vcpu.cpuid, [&](const kvm_cpuid_entry2& leaf) {
    return std::ranges::find(kLeaves, leaf.function) == kLeaves.end();
  });
  vcpu.xcr0 = 0;
  vcpu.xsave.clear();
  vcpu.tsc_khz = 0;
}

Result<std::unique_ptr<Machine>> booted(const std::string& kernel_path) {
  BootTrace trace;
  auto machine = SM_TRY(Machine::boot({.memory_mib = 32, .kernel = kernel_path}, trace));
  machine->start();
  for (int i = 0; i < 5000 && machine->console().last_lines(1).empty(); ++i)
    std::this_thread::sleep_for(1ms);
  SM_TRY(machine->pause(deadline_in(5s)));
  return machine;
}

// The page that the guest counts in has `count` in the difference.
Status write_goldens(std::byte count) {
  const TempDir dir = SM_TRY(TempDir::create());
  auto kernel = SM_TRY(AtomicFile::create(dir.path() + "/kernel"));
  const std::string elf = TinyGuest::kernel();
  SM_TRY(write_all(kernel.fd(), std::as_bytes(std::span(elf))));
  SM_TRY(kernel.commit());
  const auto source = SM_TRY(booted(dir.path() + "/kernel"));
  MachineState state = SM_TRY(source->save({}));
  TinyGuest::let_work(state);
  state.memory_mib = kMemoryMib;
  make_portable(state.vcpus[0]);
  auto full = SM_TRY(SnapshotWriter::create(golden_path(kFull), {.memory_mib = kMemoryMib}));
  SM_TRY(full.write_pages(0, source->memory().bytes().first(kMemoryMib << 20)));
  SM_TRY(full.finish({.created_unix = 1}, state));
  const auto base = SM_TRY(Snapshot::open(golden_path(kFull)));
  auto diff =
      SM_TRY(SnapshotWriter::create(golden_path(kDiff), {.memory_mib = kMemoryMib, .base = base}));
  std::vector<std::byte> page(kPageSize);
  page[0] = count;
  SM_TRY(diff.write_pages(TinyGuest::kFirstPage * kPageSize, page));
  return diff.finish({.created_unix = 1}, state);
}

class GoldenMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto kvm = kvm::System::open(); !kvm.ok()) GTEST_SKIP() << kvm.error().message();
    if (std::getenv("SM_TEST_ACCEPT") == nullptr) return;
    ASSERT_THAT(write_goldens(std::byte{4}), IsOk());
    GTEST_SKIP() << "rewrote " << golden_path(kFull) << " and the difference to it";
  }

  // What the guest prints in the end.
  static std::string said_by(const char* name) {
    const auto snapshot = Snapshot::open(golden_path(name));
    EXPECT_THAT(snapshot, IsOk());
    if (!snapshot.ok()) return {};
    EXPECT_THAT(snapshot.value()->verify(), IsOk());
    auto machine = restored(*snapshot.value());
    EXPECT_THAT(machine, IsOk());
    if (!machine.ok()) return {};
    machine.value()->start();
    const auto end = machine.value()->wait(deadline_in(10s));
    EXPECT_TRUE(end.has_value());
    if (end) {
      EXPECT_EQ(end->kind, ExitKind::kReset) << end->message();
    }
    return machine.value()->console().last_lines(9);
  }

  static Result<std::unique_ptr<Machine>> restored(const Snapshot& snapshot) {
    auto memory = SM_TRY(GuestMemory::reserve(snapshot.memory().size_bytes));
    SM_TRY(memory.map(snapshot.memory()));
    auto machine = SM_TRY(Machine::shell(std::move(memory), 1, {}));
    SM_TRY(machine->load(snapshot.state()));
    return machine;
  }
};

TEST_F(GoldenMachine, RunsToItsEnd) { EXPECT_EQ(said_by(kFull), "1\n"); }

TEST_F(GoldenMachine, RunsToItsEndFromADifferenceToo) { EXPECT_EQ(said_by(kDiff), "5\n"); }

}  // namespace
}  // namespace supermachine
