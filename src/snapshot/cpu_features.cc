// SPDX-License-Identifier: Apache-2.0
#include "snapshot/cpu_features.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace supermachine::snapshot {
namespace {

using Register = std::uint32_t kvm_cpuid_entry2::*;

// Bits in order; an empty name is a bit without one.
using Names = std::array<const char*, 32>;

struct Word {
  std::uint32_t function;
  std::uint32_t index;
  Register reg;
  const char* reg_name;
  std::uint32_t compared;  // the bits that tell something
  Names names;
};

// SDM 2A, CPUID; AMD APM 3, appendix E; Linux, Documentation/virt/kvm/x86/cpuid.rst. Not compared:
// APIC, HTT and the like, OSXSAVE, OSPKE (they follow the guest's own settings and its topology),
// TSC_DEADLINE and the hypervisor bit (KVM gives them without listing them), MONITOR, the address
// width in leaf 7 ecx, and bits that say what a processor no longer does.
constexpr Word kWords[] = {
    {0x1,
     0,
     &kvm_cpuid_entry2::ecx,
     "ecx",
     0x76fffff7,
     {{"sse3",   "pclmulqdq", "dtes64",  "monitor", "ds_cpl",
       "vmx",    "smx",       "est",     "tm2",     "ssse3",
       "cid",    "sdbg",      "fma",     "cx16",    "xtpr",
       "pdcm",   "",          "pcid",    "dca",     "sse4_1",
       "sse4_2", "x2apic",    "movbe",   "popcnt",  "tsc_deadline_timer",
       "aes",    "xsave",     "osxsave", "avx",     "f16c",
       "rdrand", "hypervisor"}}},
    {0x1,
     0,
     &kvm_cpuid_entry2::edx,
     "edx",
     0xeffffdff,
     {{"fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", "",
       "sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", "",     "dts",
       "acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe"}}},
    {0x7, 0, &kvm_cpuid_entry2::ebx, "ebx", 0xffffdfbf, {{"fsgsbase",
                                                          "tsc_adjust",
                                                          "sgx",
                                                          "bmi1",
                                                          "hle",
                                                          "avx2",
                                                          "fdp_excptn_only",
                                                          "smep",
                                                          "bmi2",
                                                          "erms",
                                                          "invpcid",
                                                          "rtm",
                                                          "cqm",
                                                          "zero_fcs_fds",
                                                          "mpx",
                                                          "rdt_a",
                                                          "avx512f",
                                                          "avx512dq",
                                                          "rdseed",
                                                          "adx",
                                                          "smap",
                                                          "avx512ifma",
                                                          "pcommit",
                                                          "clflushopt",
                                                          "clwb",
                                                          "intel_pt",
                                                          "avx512pf",
                                                          "avx512er",
                                                          "avx512cd",
                                                          "sha_ni",
                                                          "avx512bw",
                                                          "avx512vl"}}},
    {0x7,
     0,
     &kvm_cpuid_entry2::ecx,
     "ecx",
     0xffc1ffef,
     {{"prefetchwt1",
       "avx512vbmi",
       "umip",
       "pku",
       "ospke",
       "waitpkg",
       "avx512_vbmi2",
       "shstk",
       "gfni",
       "vaes",
       "vpclmulqdq",
       "avx512_vnni",
       "avx512_bitalg",
       "tme",
       "avx512_vpopcntdq",
       "",
       "la57",
       "",
       "",
       "",
       "",
       "",
       "rdpid",
       "kl",
       "bus_lock_detect",
       "cldemote",
       "",
       "movdiri",
       "movdir64b",
       "enqcmd",
       "sgx_lc",
       "pks"}}},
    {0x7,
     0,
     &kvm_cpuid_entry2::edx,
     "edx",
     0xffffffff,
     {{"",
       "sgx_keys",
       "avx512_4vnniw",
       "avx512_4fmaps",
       "fsrm",
       "uintr",
       "",
       "",
       "avx512_vp2intersect",
       "srbds_ctrl",
       "md_clear",
       "rtm_always_abort",
       "",
       "tsx_force_abort",
       "serialize",
       "hybrid",
       "tsxldtrk",
       "",
       "pconfig",
       "arch_lbr",
       "ibt",
       "",
       "amx_bf16",
       "avx512_fp16",
       "amx_tile",
       "amx_int8",
       "spec_ctrl",
       "intel_stibp",
       "flush_l1d",
       "arch_capabilities",
       "core_capabilities",
       "ssbd"}}},
    {0x7,
     1,
     &kvm_cpuid_entry2::eax,
     "eax",
     0xffffffff,
     {{"sha512",   "sm3",       "sm4",
       "rao_int",  "avx_vnni",  "avx512_bf16",
       "lass",     "cmpccxadd", "arch_perfmon_ext",
       "",         "fzrm",      "fsrs",
       "fsrc",     "",          "",
       "",         "",          "fred",
       "lkgs",     "wrmsrns",   "",
       "amx_fp16", "hreset",    "avx_ifma",
       "",         "",          "lam",
       "msrlist"}}},
    {0xd,
     1,
     &kvm_cpuid_entry2::eax,
     "eax",
     0xffffffff,
     {{"xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd"}}},
    {0x4000'0001,
     0,
     &kvm_cpuid_entry2::eax,
     "eax",
     0xffffffff,
     {{"kvmclock (old)",
       "kvm_nopiodelay",
       "kvm_mmu",
       "kvmclock",
       "kvm_asyncpf",
       "kvm_steal_time",
       "kvm_pv_eoi",
       "kvm_pv_unhalt",
       "",
       "kvm_pv_tlb_flush",
       "kvm_asyncpf_vmexit",
       "kvm_pv_ipi",
       "kvm_poll_control",
       "kvm_pv_sched_yield",
       "kvm_asyncpf_int",
       "kvm_msi_ext_dest_id",
       "kvm_hc_map_gpa_range",
       "kvm_migration_control",
       "",
       "",
       "",
       "",
       "",
       "",
       "kvmclock_stable"}}},
    {0x8000'0001,
     0,
     &kvm_cpuid_entry2::ecx,
     "ecx",
     0xffbffff5,
     {{"lahf_lm",
       "",
       "svm",
       "",
       "cr8_legacy",
       "abm",
       "sse4a",
       "misalignsse",
       "3dnowprefetch",
       "osvw",
       "ibs",
       "xop",
       "skinit",
       "wdt",
       "",
       "lwp",
       "fma4",
       "tce",
       "",
       "nodeid_msr",
       "",
       "tbm",
       "",
       "perfctr_core",
       "perfctr_nb",
       "",
       "bpext",
       "ptsc",
       "perfctr_llc",
       "mwaitx"}}},
    {0x8000'0001,
     0,
     &kvm_cpuid_entry2::edx,
     "edx",
     0xee500800,
     {{"",        "", "", "",         "",        "",       "", "",   "",         "",     "",
       "syscall", "", "", "",         "",        "",       "", "",   "",         "nx",   "",
       "mmxext",  "", "", "fxsr_opt", "pdpe1gb", "rdtscp", "", "lm", "3dnowext", "3dnow"}}},
    {0x8000'0008,
     0,
     &kvm_cpuid_entry2::ebx,
     "ebx",
     0xffffffff,
     {{"clzero",   "irperf",          "xsaveerptr", "",     "rdpru",    "",      "",     "",
       "",         "wbnoinvd",        "",           "",     "ibpb",     "",      "ibrs", "stibp",
       "",         "stibp_always_on", "",           "",     "",         "",      "",     "amd_ppin",
       "amd_ssbd", "virt_ssbd",       "amd_ssb_no", "cppc", "amd_psfd", "btc_no"}}},
};

const kvm_cpuid_entry2* find(const std::vector<kvm_cpuid_entry2>& cpuid, std::uint32_t function,
                             std::uint32_t index) {
  const auto found = std::ranges::find_if(cpuid, [&](const kvm_cpuid_entry2& entry) {
    if (entry.function != function) return false;
    return entry.index == index || (entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) == 0;
  });
  return found == cpuid.end() ? nullptr : &*found;
}

std::uint32_t bits_of(const std::vector<kvm_cpuid_entry2>& cpuid, const Word& word) {
  const kvm_cpuid_entry2* entry = find(cpuid, word.function, word.index);
  return entry == nullptr ? 0 : entry->*word.reg;
}

std::string hex(std::uint32_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), kDigits[number % 16]);
    number /= 16;
  } while (number != 0);
  return out;
}

std::string name_of(const Word& word, unsigned bit) {
  const char* name = word.names.at(bit);
  if (name != nullptr && *name != '\0') return name;
  return "leaf " + hex(word.function) + (word.index == 0 ? "" : "." + hex(word.index)) + " " +
         word.reg_name + " bit " + std::to_string(bit);
}

}  // namespace

std::vector<std::string> missing_features(std::span<const std::vector<kvm_cpuid_entry2>> vcpus,
                                          const std::vector<kvm_cpuid_entry2>& host) {
  std::vector<std::string> missing;
  for (const Word& word : kWords) {
    std::uint32_t needed = 0;
    for (const auto& cpuid : vcpus) needed |= bits_of(cpuid, word);
    const std::uint32_t lacking = needed & ~bits_of(host, word) & word.compared;
    for (unsigned bit = 0; bit < 32; ++bit) {
      if ((lacking >> bit & 1) != 0) missing.push_back(name_of(word, bit));
    }
  }
  return missing;
}

std::string vendor_of(const std::vector<kvm_cpuid_entry2>& cpuid) {
  const kvm_cpuid_entry2* leaf = find(cpuid, 0, 0);
  if (leaf == nullptr) return {};
  std::string name(12, '\0');
  std::memcpy(name.data(), &leaf->ebx, 4);
  std::memcpy(name.data() + 4, &leaf->edx, 4);
  std::memcpy(name.data() + 8, &leaf->ecx, 4);
  return name;
}

std::uint64_t supported_xcr0(const std::vector<kvm_cpuid_entry2>& cpuid) {
  const kvm_cpuid_entry2* leaf = find(cpuid, 0xd, 0);
  return leaf == nullptr ? 0 : leaf->eax | std::uint64_t{leaf->edx} << 32;
}

}  // namespace supermachine::snapshot
