// SPDX-License-Identifier: Apache-2.0
#include "snapshot/metadata.h"

#include "base/json.h"
#include "base/sys.h"
#include "snapshot/limits.h"

namespace supermachine {

Result<SnapshotId> SnapshotId::random() {
  SnapshotId id;
  SM_TRY(sys::random_bytes(id.bytes));
  return id;
}

std::optional<SnapshotId> SnapshotId::parse(std::string_view hex) {
  SnapshotId id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) return std::nullopt;
    const int nibble = digit ? c - '0' : c - 'a' + 10;
    id.bytes[i / 2] = id.bytes[i / 2] << 4 | static_cast<std::byte>(nibble);
  }
  return id;
}

std::string SnapshotId::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    out += kDigits[std::to_integer<std::size_t>(byte & std::byte{0xf})];
  }
  return out;
}

namespace snapshot {
namespace {

using Metadata = SnapshotMetadata;

constexpr const char* kFull = "full";
constexpr const char* kDiff = "diff";

Error corrupt(std::string why) { return {Errc::kCorrupt, std::move(why)}; }

// Required members: what no reader can do without.
Result<std::uint64_t> number(const Json& json, const char* key) {
  const auto value = number_member(json, key);
  if (!value) return corrupt(std::string(key) + " is no number");
  return *value;
}

Result<SnapshotId> id(const Json& json, const char* key) {
  const auto value = SnapshotId::parse(string_member(json, key));
  if (!value) return corrupt(std::string(key) + " is not 32 hexadecimal digits");
  return *value;
}

// An absent part reads as an empty one.
const Json& part(const Json& json, const char* key) {
  static const Json empty = Json::object();
  const Json* found = find_member(json, key);
  return found == nullptr ? empty : *found;
}

Json encode_image(const Metadata::Image& image) {
  Json json = {{"name", image.name},    {"digest", image.digest},
               {"env", image.env},      {"entrypoint", image.entrypoint},
               {"cmd", image.cmd},      {"working_dir", image.working_dir},
               {"user", image.user},    {"exposed_ports", image.exposed_ports},
               {"labels", image.labels}};
  // Was not there from the first.
  if (!image.stop_signal.empty()) json["stop_signal"] = image.stop_signal;
  return json;
}

Metadata::Image decode_image(const Json& json) {
  return {.name = string_member(json, "name"),
          .digest = string_member(json, "digest"),
          .env = strings_member(json, "env"),
          .entrypoint = strings_member(json, "entrypoint"),
          .cmd = strings_member(json, "cmd"),
          .working_dir = string_member(json, "working_dir"),
          .user = string_member(json, "user"),
          .exposed_ports = strings_member(json, "exposed_ports"),
          .stop_signal = string_member(json, "stop_signal"),
          .labels = string_map_member(json, "labels")};
}

Json encode_host(const Metadata::Host& host) {
  return {{"cpu_vendor", host.cpu_vendor},
          {"page_size", host.page_size},
          {"tsc_khz", host.tsc_khz},
          {"kvm_capabilities", host.kvm_capabilities},
          {"guest_kernel", host.guest_kernel}};
}

Result<Metadata::Host> decode_host(const Json& json) {
  // A statement each: SM_TRY amid an initialiser would leak the members before it.
  Metadata::Host host;
  host.cpu_vendor = string_member(json, "cpu_vendor");
  host.page_size = SM_TRY(number(json, "page_size"));
  host.tsc_khz = SM_TRY(number(json, "tsc_khz"));
  host.guest_kernel = string_member(json, "guest_kernel");
  const Json& capabilities = part(json, "kvm_capabilities");
  for (const Json& element : capabilities) {
    const auto* value = element.get_ptr<const Json::number_unsigned_t*>();
    if (value == nullptr || *value > UINT32_MAX) return corrupt("kvm_capabilities: no number");
    host.kvm_capabilities.push_back(static_cast<std::uint32_t>(*value));
  }
  return host;
}

// Nothing else: it is opened, and shown to a guest.
Result<Metadata::Rootfs> decode_rootfs(const Json& json) {
  Metadata::Rootfs out;
  out.path = string_member(json, "path");
  out.size_bytes = SM_TRY(number(json, "size"));
  const bool absolute = out.path.starts_with('/') && out.path.find('\0') == std::string::npos;
  if (!out.path.empty() && !absolute && out.path != kRootfsFile)
    return corrupt(std::string("rootfs.path is neither absolute nor ") + kRootfsFile);
  return out;
}

Result<std::optional<Metadata::Base>> decode_base(const Json& json, Metadata::Kind kind) {
  const Json* base = find_member(json, "base");
  if ((base != nullptr) != (kind == Metadata::Kind::kDiff)) {
    return corrupt("a diff has a base, and nothing else has one");
  }
  if (base == nullptr) return std::optional<Metadata::Base>();
  Metadata::Base out;
  out.path = string_member(*base, "path");
  out.id = SM_TRY(id(*base, "id"));
  if (out.path.empty()) return corrupt("base has no path");
  if (out.path.find('\0') != std::string::npos) return corrupt("base has no such path");
  return std::optional(std::move(out));
}

Result<Metadata::Kind> decode_kind(const Json& json) {
  const std::string kind = string_member(json, "kind");
  if (kind == kFull) return Metadata::Kind::kFull;
  if (kind == kDiff) return Metadata::Kind::kDiff;
  return corrupt("kind is neither full nor diff");
}

Status check_version(const Json& json) {
  const std::uint64_t version = SM_TRY(number(json, "format_version"));
  if (version == 0) return corrupt("format_version is 0");
  if (version > kFormatVersion) {
    return Error(Errc::kUnsupported, "format version " + std::to_string(version) +
                                         " is newer than " + std::to_string(kFormatVersion));
  }
  return {};
}

}  // namespace

std::string encode_metadata(const SnapshotMetadata& m) {
  Json json = {
      {"format_version", kFormatVersion},
      {"kind", m.kind == Metadata::Kind::kDiff ? kDiff : kFull},
      {"id", m.id.hex()},
      {"created", m.created_unix},
      {"memory_mib", m.memory_mib},
      {"vcpus", m.vcpus},
      {"stored_bytes", m.stored_bytes},
      {"image", encode_image(m.image)},
      {"rootfs", {{"path", m.rootfs.path}, {"size", m.rootfs.size_bytes}}},
      {"host", encode_host(m.host)},
      {"agent", {{"features", m.agent.features}, {"kernel_arguments", m.agent.kernel_arguments}}},
      {"extra", m.extra}};
  if (m.base) json["base"] = {{"path", m.base->path}, {"id", m.base->id.hex()}};
  return json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
         "\n";
}

Result<SnapshotMetadata> decode_metadata(std::string_view text) {
  if (text.size() > kMaxMetadataBytes) return corrupt("is too large");
  const Json json = SM_TRY(parse_json(text, "it"));
  SM_TRY(check_version(json));
  SnapshotMetadata m;
  m.kind = SM_TRY(decode_kind(json));
  m.id = SM_TRY(id(json, "id"));
  m.created_unix = SM_TRY(number(json, "created"));
  m.memory_mib = SM_TRY(number(json, "memory_mib"));
  const std::uint64_t vcpus = SM_TRY(number(json, "vcpus"));
  if (vcpus == 0 || vcpus > kMaxVcpus) return corrupt("no such number of vcpus");
  m.vcpus = static_cast<std::uint32_t>(vcpus);
  m.stored_bytes = SM_TRY(number(json, "stored_bytes"));
  m.image = decode_image(part(json, "image"));
  m.rootfs = SM_TRY(decode_rootfs(part(json, "rootfs")));
  m.base = SM_TRY(decode_base(json, m.kind));
  m.host = SM_TRY(decode_host(part(json, "host")));
  const Json& agent = part(json, "agent");
  m.agent = {.features = strings_member(agent, "features"),
             .kernel_arguments = string_member(agent, "kernel_arguments")};
  m.extra = string_map_member(json, "extra");
  return m;
}

}  // namespace snapshot
}  // namespace supermachine
