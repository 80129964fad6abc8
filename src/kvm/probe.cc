// SPDX-License-Identifier: Apache-2.0
#include "kvm/probe.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/quiet_thread.h"

extern "C" {
extern const std::byte probe_guest_begin[];           // NOLINT: defined in probe_guest.S
extern const std::byte probe_guest_end[];             // NOLINT
extern const std::byte probe_guest_invalid_opcode[];  // NOLINT
extern const std::byte probe_guest_fault[];           // NOLINT
extern const std::byte probe_guest_syscall[];         // NOLINT
}

namespace supermachine::kvm {
namespace {

constexpr auto kGiveUpAfter = std::chrono::seconds(2);
constexpr std::uint64_t kMemorySize = 2U << 20;

// Where things are in the guest.
constexpr std::uint64_t kPml4 = 0x1000;
constexpr std::uint64_t kPdpt = 0x2000;
constexpr std::uint64_t kPd = 0x3000;
constexpr std::uint64_t kGdt = 0x4000;
constexpr std::uint64_t kIdt = 0x5000;
constexpr std::uint64_t kTss = 0x6000;
constexpr std::uint64_t kCode = 0x10000;
constexpr std::uint64_t kStack = 0x20000;

// What the guest says, by port.
constexpr std::uint16_t kCpuidPort = 0x10;
constexpr std::uint16_t kExceptionPort = 0x11;
constexpr std::uint16_t kReturnedPort = 0x12;
constexpr std::uint16_t kSyscallPort = 0x13;

constexpr std::uint32_t kCpuidLeaf = 0x8000'0002;  // the brand string: nothing else depends on it
constexpr std::uint32_t kCpuidMark = 0x6d73'6d73;

// Selectors; SYSCALL and SYSRET fix their order (SDM 2A, SYSCALL).
constexpr std::uint16_t kKernelCode = 0x08;
constexpr std::uint16_t kKernelData = 0x10;
constexpr std::uint16_t kTaskState = 0x28;

constexpr std::uint32_t kMsrStar = 0xc000'0081;
constexpr std::uint32_t kMsrLstar = 0xc000'0082;
constexpr std::uint32_t kMsrSyscallMask = 0xc000'0084;

struct Seen {
  bool cpuid = false;
  bool exception = false;
  bool returned = false;
  bool syscall = false;
  std::string ended;  // why the guest stopped before its end
};

std::uint64_t guest_address(const std::byte* label) {
  return kCode + static_cast<std::uint64_t>(label - probe_guest_begin);
}

Status write_tables(const GuestMemory& memory) {
  constexpr std::uint64_t kPresentWritableUser = 0x7;
  constexpr std::uint64_t kLargePage = 0x80;
  SM_TRY(memory.write(GuestAddr{kPml4}, kPdpt | kPresentWritableUser));
  SM_TRY(memory.write(GuestAddr{kPdpt}, kPd | kPresentWritableUser));
  SM_TRY(memory.write(GuestAddr{kPd}, kLargePage | kPresentWritableUser));

  // Null, kernel code, kernel data, user data, user code; the TSS lives in the TR register alone.
  constexpr std::array<std::uint64_t, 5> kDescriptors{0, 0x00af'9b00'0000'ffff,
                                                      0x00cf'9300'0000'ffff, 0x00cf'f300'0000'ffff,
                                                      0x00af'fb00'0000'ffff};
  SM_TRY(memory.write(GuestAddr{kGdt}, kDescriptors));
  SM_TRY(memory.write(GuestAddr{kTss + 4}, kStack));  // RSP0: the stack for faults in ring 3

  for (std::uint64_t vector = 0; vector < 32; ++vector) {
    const std::uint64_t handler =
        guest_address(vector == 6 ? probe_guest_invalid_opcode : probe_guest_fault);
    constexpr std::uint64_t kInterruptGate = 0x8e00ULL << 32;
    const std::uint64_t low = (handler & 0xffff) | (std::uint64_t{kKernelCode} << 16) |
                              kInterruptGate | ((handler & 0xffff'0000) << 32);
    SM_TRY(memory.write(GuestAddr{kIdt + 16 * vector}, low));
  }

  const std::span code(probe_guest_begin, probe_guest_end);
  const auto room = SM_TRY(memory.slice(GuestAddr{kCode}, code.size()));
  std::ranges::copy(code, room.begin());
  return {};
}

Result<VcpuState> initial_state(const Vcpu& vcpu, std::vector<kvm_cpuid_entry2> cpuid) {
  std::erase_if(cpuid, [](const kvm_cpuid_entry2& entry) { return entry.function == kCpuidLeaf; });
  kvm_cpuid_entry2 mark{};
  mark.function = kCpuidLeaf;
  mark.ebx = kCpuidMark;
  cpuid.push_back(mark);

  VcpuState state{
      .cpuid = std::move(cpuid), .regs = SM_TRY(vcpu.regs()), .sregs = SM_TRY(vcpu.sregs())};
  state.sregs.cr3 = kPml4;
  state.sregs.cr4 = 0x20;         // PAE
  state.sregs.cr0 = 0x8000'0011;  // PG, ET, PE
  state.sregs.efer = 0x501;       // LMA, LME, SCE
  state.sregs.gdt = {.base = kGdt, .limit = 0x27, .padding = {}};
  state.sregs.idt = {.base = kIdt, .limit = 32 * 16 - 1, .padding = {}};
  const kvm_segment code{.base = 0,
                         .limit = 0xffff'ffff,
                         .selector = kKernelCode,
                         .type = 0xb,
                         .present = 1,
                         .dpl = 0,
                         .db = 0,
                         .s = 1,
                         .l = 1,
                         .g = 1,
                         .avl = 0,
                         .unusable = 0,
                         .padding = 0};
  kvm_segment data = code;
  data.selector = kKernelData;
  data.type = 0x3;
  data.db = 1;
  data.l = 0;
  kvm_segment task = code;
  task.base = kTss;
  task.limit = 0x67;
  task.selector = kTaskState;
  task.s = task.l = task.g = 0;
  state.sregs.cs = code;
  state.sregs.ds = state.sregs.es = state.sregs.fs = state.sregs.gs = state.sregs.ss = data;
  state.sregs.tr = task;
  state.regs.rip = kCode;
  state.regs.rsp = kStack;
  state.regs.rflags = 2;
  state.msrs = {{kMsrStar, (std::uint64_t{kKernelData} << 48) | (std::uint64_t{kKernelCode} << 32)},
                {kMsrLstar, guest_address(probe_guest_syscall)},
                {kMsrSyscallMask, 0}};
  state.mp_state.mp_state = KVM_MP_STATE_RUNNABLE;
  return state;
}

// Runs until the guest has said all, or something else ends it.
Seen listen_to_guest(Vcpu& vcpu) {
  Seen seen;
  if (const Status ready = vcpu.prepare_thread(); !ready.ok()) {
    seen.ended = ready.error().message();
    return seen;
  }
  for (int exits = 0; exits < 64; ++exits) {
    const auto result = vcpu.run();
    if (!result.ok()) {
      seen.ended = result.error().message();
      return seen;
    }
    const Exit& exit = result.value();
    if (const auto* write = std::get_if<PioWrite>(&exit)) {
      std::uint32_t value = 0;
      std::memcpy(&value, write->data.data(), std::min(write->data.size(), sizeof(value)));
      if (write->port == kCpuidPort) seen.cpuid = value == kCpuidMark;
      if (write->port == kExceptionPort) seen.exception = true;
      if (write->port == kReturnedPort) seen.returned = true;
      if (write->port == kSyscallPort) seen.syscall = (value & 3) == 0;
      continue;
    }
    if (const auto* failed = std::get_if<Failed>(&exit)) seen.ended = failed->reason;
    if (std::holds_alternative<ShutDown>(exit)) seen.ended = "the guest ended in a triple fault";
    if (std::holds_alternative<Interrupted>(exit)) seen.ended = "the guest made no progress";
    return seen;
  }
  seen.ended = "the guest faults without end";
  return seen;
}

// On a thread of its own, so that a hang can be broken into.
Result<Seen> run_guest(Vcpu& vcpu) {
  std::mutex mutex;
  std::condition_variable done;
  bool finished = false;
  Seen seen;
  QuietThread thread = SM_TRY(start_quiet_thread("sm-probe", [&] {
    Seen heard = listen_to_guest(vcpu);
    const std::lock_guard lock(mutex);
    seen = std::move(heard);
    finished = true;
    done.notify_one();
  }));
  {
    std::unique_lock lock(mutex);
    if (!done.wait_for(lock, kGiveUpAfter, [&] { return finished; }))
      kick_thread(thread.native_handle());
  }
  thread.join();
  return seen;
}

Result<Seen> try_guest(const System& system) {
  const GuestMemory memory = SM_TRY(GuestMemory::create(kMemorySize));
  SM_TRY(write_tables(memory));
  Vm vm = SM_TRY(Vm::create(system));
  SM_TRY(vm.map_memory(memory, false));
  Vcpu vcpu = SM_TRY(vm.create_vcpu(0));
  const VcpuState state = SM_TRY(initial_state(vcpu, SM_TRY(system.supported_cpuid())));
  SM_TRY(vcpu.set_cpuid(state.cpuid));
  SM_TRY(vcpu.set_state(state, TscWrite::kAnew));
  return run_guest(vcpu);
}

void check_capabilities(const System& system, std::vector<std::string>& problems) {
  constexpr std::array kNeeded{
      std::pair{KVM_CAP_IRQCHIP, "interrupt controllers in the kernel (KVM_CAP_IRQCHIP)"},
      std::pair{KVM_CAP_PIT2, "a timer in the kernel (KVM_CAP_PIT2)"},
      std::pair{KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD"},
      std::pair{KVM_CAP_IRQFD, "KVM_CAP_IRQFD"},
      std::pair{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
  };
  for (const auto& [cap, what] : kNeeded) {
    if (system.capability(cap) == 0) problems.push_back(std::string("KVM lacks ") + what);
  }
}

void judge(const Seen& seen, std::vector<std::string>& problems) {
  if (!seen.cpuid) problems.emplace_back("the guest does not see the CPUID it was given");
  if (!seen.exception || !seen.returned)
    problems.emplace_back("an exception does not reach the guest's handler and return");
  if (!seen.syscall) problems.emplace_back("SYSCALL from ring 3 does not reach ring 0");
  if (!problems.empty() && !seen.ended.empty()) problems.push_back(seen.ended);
}

}  // namespace

std::string ProbeReport::summary() const {
  std::string out;
  for (const std::string& problem : problems) out += (out.empty() ? "" : "; ") + problem;
  return out;
}

ProbeReport probe() {
  const auto start = std::chrono::steady_clock::now();
  ProbeReport report;
  const auto system = System::open();
  if (!system.ok()) {
    report.problems.push_back(system.error().message());
  } else {
    check_capabilities(system.value(), report.problems);
    const auto seen = try_guest(system.value());
    if (seen.ok()) {
      judge(seen.value(), report.problems);
    } else {
      report.problems.push_back(seen.error().message());
    }
  }
  report.duration = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  return report;
}

}  // namespace supermachine::kvm
