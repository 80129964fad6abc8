// SPDX-License-Identifier: Apache-2.0
#include "boot/mp_table.h"

#include <cstring>
#include <numeric>
#include <span>
#include <string_view>

#include "base/endian.h"
#include "boot/layout.h"
#include "supermachine/result.h"

namespace supermachine::boot {
namespace {

constexpr std::uint8_t kSpecVersion = 4;  // 1.4
constexpr std::uint8_t kApicVersion = 0x14;
constexpr std::size_t kFloatingPointerSize = 16;

// Entry types, section 4.3.
constexpr std::uint8_t kProcessor = 0;
constexpr std::uint8_t kBus = 1;
constexpr std::uint8_t kIoApic = 2;
constexpr std::uint8_t kIoInterrupt = 3;
constexpr std::uint8_t kLocalInterrupt = 4;

// Interrupt types, table 4-10.
constexpr std::uint8_t kVectored = 0;
constexpr std::uint8_t kNmi = 1;
constexpr std::uint8_t kExtInt = 3;

class Bytes {
 public:
  template <std::unsigned_integral T>
  Bytes& put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    store_le(std::span(bytes_), at, value);
    return *this;
  }
  Bytes& put(std::string_view text) {
    for (const char c : text) put(static_cast<std::uint8_t>(c));
    return *this;
  }
  // Sets the byte at `at` so that all from `start` sum up to zero.
  void set_checksum(std::size_t start, std::size_t at) {
    const auto sum = std::accumulate(
        bytes_.begin() + static_cast<std::ptrdiff_t>(start), bytes_.end(), 0U,
        [](unsigned total, std::byte byte) { return total + std::to_integer<unsigned>(byte); });
    bytes_[at] = static_cast<std::byte>(0x100 - (sum & 0xff));
  }
  std::vector<std::byte>& get() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

void put_interrupt(Bytes& out, std::uint8_t entry, std::uint8_t type, std::uint8_t source_irq,
                   std::uint8_t apic, std::uint8_t line) {
  constexpr std::uint16_t kConformsToBus = 0;
  constexpr std::uint8_t kIsaBus = 0;
  out.put(entry).put(type).put(kConformsToBus).put(kIsaBus).put(source_irq).put(apic).put(line);
}

}  // namespace

std::vector<std::byte> make_mp_table(std::uint32_t address, std::uint32_t vcpus) {
  SM_CHECK(vcpus >= 1 && vcpus <= kMaxVcpus);
  const auto io_apic_id = static_cast<std::uint8_t>(vcpus);
  constexpr auto kTableAt = static_cast<std::uint32_t>(kFloatingPointerSize);

  Bytes out;
  // Section 4.1.
  out.put("_MP_")
      .put(address + kTableAt)
      .put(std::uint8_t{1})
      .put(kSpecVersion)
      .put(std::uint8_t{0});
  out.put(std::uint32_t{0}).put(std::uint8_t{0});
  out.set_checksum(0, 10);

  // Section 4.2; length, checksum and count follow below.
  out.put("PCMP").put(std::uint16_t{0}).put(kSpecVersion).put(std::uint8_t{0});
  out.put("SUPERMCH").put("MICROVM     ");
  out.put(std::uint32_t{0}).put(std::uint16_t{0}).put(std::uint16_t{0});
  out.put(static_cast<std::uint32_t>(kLocalApicAddr)).put(std::uint32_t{0});

  for (std::uint32_t id = 0; id < vcpus; ++id) {
    constexpr std::uint8_t kEnabled = 1;
    constexpr std::uint8_t kBootProcessor = 2;
    constexpr std::uint32_t kSignature = 0x600;  // family 6; CPUID says the rest
    constexpr std::uint32_t kFeatures = 0x201;   // FPU, APIC
    out.put(kProcessor).put(static_cast<std::uint8_t>(id)).put(kApicVersion);
    out.put(static_cast<std::uint8_t>(id == 0 ? kEnabled | kBootProcessor : kEnabled));
    out.put(kSignature).put(kFeatures).put(std::uint64_t{0});
  }
  out.put(kBus).put(std::uint8_t{0}).put("ISA   ");
  out.put(kIoApic)
      .put(io_apic_id)
      .put(kApicVersion)
      .put(std::uint8_t{1})
      .put(static_cast<std::uint32_t>(kIoApicAddr));
  for (std::uint8_t irq = 0; irq < kIrqLines; ++irq) {
    put_interrupt(out, kIoInterrupt, kVectored, irq, io_apic_id, irq);
  }
  constexpr std::uint8_t kAllLocalApics = 0xff;
  put_interrupt(out, kLocalInterrupt, kExtInt, 0, 0, 0);
  put_interrupt(out, kLocalInterrupt, kNmi, 0, kAllLocalApics, 1);

  const std::uint32_t entries = vcpus + 2 + kIrqLines + 2;
  store_le(std::span(out.get()), kTableAt + 4,
           static_cast<std::uint16_t>(out.get().size() - kTableAt));
  store_le(std::span(out.get()), kTableAt + 34, static_cast<std::uint16_t>(entries));
  out.set_checksum(kTableAt, kTableAt + 7);
  SM_CHECK(out.get().size() <= kMpTableMax);
  return std::move(out.get());
}

}  // namespace supermachine::boot
