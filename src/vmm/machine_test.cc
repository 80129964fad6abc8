// SPDX-License-Identifier: Apache-2.0
// Real machines with a guest that any KVM can run: pause, save, load, rewind.
#include "vmm/machine.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"
#include "tiny_guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMemoryMib = 64;

// In one call: element by element takes a minute under a sanitizer.
bool same_bytes(const GuestMemory& a, const GuestMemory& b) {
  return a.bytes().size() == b.bytes().size() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

// A machine that was paused while its guest waits: its state, and its memory in a file.
class SavedMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto kvm = kvm::System::open(); !kvm.ok()) GTEST_SKIP() << kvm.error().message();
    dir_.emplace(TempDir::create().value());
    SM_ASSERT_OK_AND_ASSIGN(auto kernel, AtomicFile::create(dir_->path() + "/kernel"));
    const std::string elf = TinyGuest::kernel();
    ASSERT_THAT(write_all(kernel.fd(), std::as_bytes(std::span(elf))), IsOk());
    ASSERT_THAT(kernel.commit(), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(auto root, AtomicFile::create(root_path()));
    ASSERT_THAT(sys::truncate(root.fd(), 1 << 20), IsOk());
    ASSERT_THAT(root.commit(), IsOk());
    BootTrace trace;
    auto booted = Machine::boot({.memory_mib = kMemoryMib,
                                 .vcpus = vcpus_,
                                 .kernel = dir_->path() + "/kernel",
                                 .host = {.root_image = root_path()}},
                                trace);
    ASSERT_THAT(booted, IsOk());
    source_ = std::move(booted).value();
    source_->start();
    await_line(*source_, "R");
    ASSERT_THAT(source_->pause(deadline_in(5s)), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(state_, source_->save({}));
    SM_ASSERT_OK_AND_ASSIGN(file_, anonymous_file("/tmp"));
    ASSERT_THAT(write_all_at(file_.get(), source_->memory().bytes(), 0), IsOk());
    image_ = {.size_bytes = kMemoryMib << 20,
              .files = {file_.get()},
              .runs = {{.start = 0, .length = kMemoryMib << 20}}};
  }

  [[nodiscard]] std::string root_path() const { return dir_->path() + "/root"; }

  static void await_line(const Machine& machine, const std::string& line) {
    for (int i = 0; i < 5000; ++i) {
      if (machine.console().last_lines(1) == line + "\n" || machine.console().last_lines(1) == line)
        return;
      std::this_thread::sleep_for(1ms);
    }
    FAIL() << "the guest printed \"" << machine.console().last_lines(9) << "\"";
  }

  Result<std::unique_ptr<Machine>> restore(const MachineState& state) {
    auto memory = SM_TRY(GuestMemory::reserve(image_.size_bytes));
    SM_TRY(memory.map(image_));
    auto machine = SM_TRY(Machine::shell(std::move(memory), vcpus_, {.root_image = root_path()}));
    SM_TRY(machine->load(state));
    return machine;
  }

  static void expect_reset(Machine& machine) {
    const auto report = machine.wait(deadline_in(10s));
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->kind, ExitKind::kReset) << report->message();
  }

  std::uint32_t vcpus_ = 1;
  std::optional<TempDir> dir_;
  std::unique_ptr<Machine> source_;
  MachineState state_;
  UniqueFd file_;
  MemoryImage image_;
};

TEST_F(SavedMachine, GoesOnAfterThePause) {
  source_->start();
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(source_->wait(deadline_in({})).has_value());
  ASSERT_THAT(source_->pause(deadline_in(5s)), IsOk());
}

TEST_F(SavedMachine, IsRestoredAsOftenAsWanted) {
  TinyGuest::let_work(state_);
  for (int i = 0; i < 3; ++i) {
    SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
    machine->start();
    expect_reset(*machine);
    await_line(*machine, "1");  // none sees what another wrote
  }
}

TEST_F(SavedMachine, CanBeLoadedIntoAShellMadeAhead) {
  TinyGuest::jump_to_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(auto memory, GuestMemory::reserve(image_.size_bytes));
  SM_ASSERT_OK_AND_ASSIGN(const auto machine,
                          Machine::shell(std::move(memory), vcpus_, {.root_image = root_path()}));
  ASSERT_THAT(machine->memory().map(image_), IsOk());
  ASSERT_THAT(machine->load(state_), IsOk());
  machine->start();
  expect_reset(*machine);
  await_line(*machine, "1");
}

TEST_F(SavedMachine, SavesTheSameStateAgainWhenNothingRan) {
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  SM_ASSERT_OK_AND_ASSIGN(const MachineState again, machine->save({}));
  ASSERT_EQ(again.vcpus.size(), 1U);
  EXPECT_EQ(std::memcmp(&again.vcpus[0].regs, &state_.vcpus[0].regs, sizeof(kvm_regs)), 0);
  EXPECT_EQ(again.vcpus[0].xsave, state_.vcpus[0].xsave);
  EXPECT_EQ(again.serial, state_.serial);
  EXPECT_EQ(again.vcpus[0].msrs.size(), state_.vcpus[0].msrs.size());
}

TEST_F(SavedMachine, IsRewoundInPlace) {
  TinyGuest::jump_to_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  SM_ASSERT_OK_AND_ASSIGN(const auto pages, ImagePages::create(image_));
  for (const std::uint64_t kept : {1000U, 1000U, 20U, 0U, 1000U}) {
    machine->start();
    expect_reset(*machine);
    await_line(*machine, "1");
    ASSERT_THAT(machine->rewind(*pages, kept), IsOk());
    EXPECT_TRUE(same_bytes(machine->memory(), source_->memory()));
    ASSERT_THAT(machine->load(state_), IsOk());
    EXPECT_FALSE(machine->wait(deadline_in({})).has_value()) << "it is as if it had never ended";
  }
}

TEST_F(SavedMachine, KnowsThePagesThatItsGuestWrote) {
  TinyGuest::jump_to_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  ASSERT_THAT(machine->dirty_pages().begin_epoch(), IsOk());
  machine->start();
  expect_reset(*machine);
  ASSERT_THAT(machine->dirty_pages().collect(), IsOk());
  const PageSet& written = machine->dirty_pages().since_epoch();
  for (std::uint64_t i = 0; i < TinyGuest::kPages; ++i)
    EXPECT_TRUE(written.contains(TinyGuest::kFirstPage + i)) << i;
  EXPECT_LT(written.count(), TinyGuest::kPages + 10);  // page tables have their accessed bits
}

// What is put in place ahead is what was saved, and is the machine's own only as far as asked.
TEST_F(SavedMachine, RunsOnPagesThatWerePutInPlaceAhead) {
  TinyGuest::jump_to_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(const auto pages, ImagePages::create(image_));
  const std::vector<PageRun> work{{TinyGuest::kFirstPage, TinyGuest::kPages}};
  for (const bool for_writing : {false, true}) {
    SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
    for (int round = 0; round < 3; ++round) {
      ASSERT_THAT(machine->prefault(state_, work, for_writing), IsOk());
      EXPECT_TRUE(same_bytes(machine->memory(), source_->memory()));
      machine->start();
      expect_reset(*machine);
      await_line(*machine, "1");
      SM_ASSERT_OK_AND_ASSIGN(const Rewound rewound, machine->rewind(*pages, 0));
      EXPECT_GE(rewound.written.count(), TinyGuest::kPages);
      EXPECT_TRUE(same_bytes(machine->memory(), source_->memory()));
      ASSERT_THAT(machine->load(state_), IsOk());
    }
  }
}

// Pages that were made the guest's own and that it then did not write go back too.
TEST_F(SavedMachine, GivesBackWhatItsGuestDidNotWrite) {
  SM_ASSERT_OK_AND_ASSIGN(const auto pages, ImagePages::create(image_));
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  const std::vector<PageRun> ahead{{TinyGuest::kFirstPage, 64}};
  ASSERT_THAT(machine->prefault(state_, ahead, true), IsOk());
  machine->start();
  ASSERT_THAT(machine->pause(deadline_in(5s)), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const Rewound rewound, machine->rewind(*pages, 0));
  for (std::uint64_t i = 0; i < 64; ++i)
    EXPECT_TRUE(rewound.written.contains(TinyGuest::kFirstPage + i)) << i;
  EXPECT_EQ(rewound.kept.count(), 0U);
}

TEST_F(SavedMachine, RefusesAStateOfAnotherShape) {
  auto memory = GuestMemory::reserve(image_.size_bytes).value();
  SM_ASSERT_OK_AND_ASSIGN(const auto two,
                          Machine::shell(std::move(memory), 2, {.root_image = root_path()}));
  EXPECT_THAT(two->load(state_), Fails(Errc::kCorrupt));
  SM_ASSERT_OK_AND_ASSIGN(const auto one, restore(state_));
  state_.memory_mib = 32;
  EXPECT_THAT(one->load(state_), Fails(Errc::kCorrupt));
}

TEST_F(SavedMachine, CannotBePausedWhenItHasEnded) {
  TinyGuest::jump_to_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  machine->start();
  expect_reset(*machine);
  EXPECT_THAT(machine->pause(deadline_in(5s)), Fails(Errc::kGuestFault));
}

// Whoever takes back a machine that was stopped must not have to wait to learn it.
TEST_F(SavedMachine, CannotBePausedWhenItWasStopped) {
  source_->start();
  source_->stop();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(source_->pause(deadline_in(5s)), Fails(Errc::kGuestFault));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

kvm::Msr& msr(kvm::VcpuState& vcpu, std::uint32_t index) {
  const auto found = std::ranges::find(vcpu.msrs, index, &kvm::Msr::index);
  SM_CHECK(found != vcpu.msrs.end());
  return *found;
}

// KVM takes a TSC that is written within a second of another for an attempt to set several vCPUs
// alike, and changes nothing.
TEST_F(SavedMachine, TimeGoesOnFromTheCaptureHoweverSoonItIsLoadedAgain) {
  constexpr std::uint32_t kMsrTsc = 0x10;
  const std::uint64_t captured = msr(state_.vcpus[0], kMsrTsc).value;
  const std::uint64_t cycles_per_ms = state_.vcpus[0].tsc_khz;
  MachineState later = state_;
  msr(later.vcpus[0], kMsrTsc).value += 100'000 * cycles_per_ms;
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(later));
  SM_ASSERT_OK_AND_ASSIGN(MachineState got, machine->save({}));
  if (msr(got.vcpus[0], kMsrTsc).value < captured + 50'000 * cycles_per_ms)
    GTEST_SKIP() << "this KVM shows its guests the host's TSC, whatever they are given";
  ASSERT_THAT(machine->load(state_), IsOk());
  for (int round = 0; round < 4; ++round) {
    SM_ASSERT_OK_AND_ASSIGN(MachineState loaded, machine->save({}));
    const std::uint64_t now = msr(loaded.vcpus[0], kMsrTsc).value;
    EXPECT_GE(now, captured) << round;
    EXPECT_LT(now, captured + 250 * cycles_per_ms) << round;
    machine->start();
    std::this_thread::sleep_for(300ms);
    ASSERT_THAT(machine->pause(deadline_in(5s)), IsOk());
    ASSERT_THAT(machine->load(state_), IsOk());
  }
}

// Where the guest asked for a para-virtual clock, in struct pvclock_vcpu_time_info.
TEST_F(SavedMachine, ClockSaysThatTheGuestWasStopped) {
  constexpr std::uint32_t kMsrSystemTime = 0x4b56'4d01;
  constexpr std::uint64_t kClockAt = 0x300'0000;
  constexpr std::size_t kFlagsAt = 29;
  constexpr std::byte kGuestStopped{2};
  msr(state_.vcpus[0], kMsrSystemTime).value = kClockAt | 1;
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  // KVM writes it when the processor enters the guest.
  const std::atomic_ref flags(machine->memory().bytes()[kClockAt + kFlagsAt]);
  const auto is_told = [&] { return (flags.load() & kGuestStopped) == kGuestStopped; };
  for (int round = 0; round < 2; ++round) {  // after the load, and after a pause
    machine->start();
    const Deadline deadline = deadline_in(10s);
    while (!is_told() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
    ASSERT_THAT(machine->pause(deadline_in(5s)), IsOk());
    EXPECT_TRUE(is_told()) << round;
    flags.store({});  // as the guest does when it has seen it
  }
}

class SavedMachineOfFour : public SavedMachine {
 protected:
  SavedMachineOfFour() { vcpus_ = 4; }
};

TEST_F(SavedMachineOfFour, IsRestored) {
  TinyGuest::let_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  machine->start();
  expect_reset(*machine);
  await_line(*machine, "1");
}

// Eight processors that leave the guest for the UART all the time, so that a pause finds each in
// the middle of it.
class SavedMachineOfEight : public SavedMachine {
 protected:
  SavedMachineOfEight() { vcpus_ = 8; }

  // The state in which all processors do what the first one does.
  void wake_all() {
    const kvm::VcpuState& first = state_.vcpus[0];
    for (kvm::VcpuState& vcpu : state_.vcpus) {
      const std::uint64_t apic_base = vcpu.sregs.apic_base;
      vcpu.regs = first.regs;
      vcpu.sregs = first.sregs;
      vcpu.sregs.apic_base = apic_base;
      vcpu.mp_state = {.mp_state = KVM_MP_STATE_RUNNABLE};
    }
  }

  // Where a processor of a guest that waits can be.
  static void expect_all_wait(const MachineState& state, std::uint64_t entry) {
    for (std::size_t id = 0; id < state.vcpus.size(); ++id) {
      EXPECT_GE(state.vcpus[id].regs.rip, entry) << "vCPU " << id;
      EXPECT_LT(state.vcpus[id].regs.rip, entry + 64) << "vCPU " << id;
      EXPECT_EQ(state.vcpus[id].mp_state.mp_state, KVM_MP_STATE_RUNNABLE) << "vCPU " << id;
    }
  }
};

TEST_F(SavedMachineOfEight, IsSavedWhileAllAreBusyAgainAndAgain) {
  wake_all();
  const std::uint64_t entry = state_.vcpus[0].regs.rip & ~std::uint64_t{63};
  for (int round = 0; round < 20; ++round) {
    SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
    machine->start();
    std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
    ASSERT_THAT(machine->pause(deadline_in(5s)), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(state_, machine->save({}));
    expect_all_wait(state_, entry);
  }
  // None of all that has disturbed them.
  TinyGuest::let_work(state_);
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  machine->start();
  expect_reset(*machine);
}

TEST_F(SavedMachineOfEight, IsRewoundWhileAllAreBusy) {
  wake_all();
  SM_ASSERT_OK_AND_ASSIGN(const auto pages, ImagePages::create(image_));
  SM_ASSERT_OK_AND_ASSIGN(const auto machine, restore(state_));
  for (int round = 0; round < 20; ++round) {
    machine->start();
    std::this_thread::sleep_for(1ms);
    ASSERT_THAT(machine->pause(deadline_in(5s)), IsOk());
    ASSERT_THAT(machine->rewind(*pages, 8), IsOk());
    EXPECT_TRUE(same_bytes(machine->memory(), source_->memory()));
    ASSERT_THAT(machine->load(state_), IsOk());
  }
}

}  // namespace
}  // namespace supermachine
