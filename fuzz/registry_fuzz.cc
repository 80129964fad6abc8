// SPDX-License-Identifier: Apache-2.0
// What registries, token servers, helpers and the user's files say. The first byte says which
// reader gets the rest.
#include <cstdint>
#include <string>

#include "registry/authorizer.h"
#include "registry/challenge.h"
#include "registry/config.h"
#include "registry/credentials.h"
#include "registry/image_store.h"
#include "registry/retry.h"

namespace supermachine::registry {
namespace {

void check_challenges(const std::string& text) {
  const auto challenges = parse_challenges(text);
  if (!challenges.ok()) return;
  // Written plainly, they mean the same.
  std::string plain;
  for (const Challenge& challenge : challenges.value()) {
    plain += (plain.empty() ? "" : ", ") + challenge.scheme;
    bool first = true;
    for (const auto& [name, value] : challenge.parameters) {
      plain += (first ? " " : ", ") + name + "=\"";
      for (const char c : value) plain += std::string(c == '"' || c == '\\' ? "\\" : "") + c;
      plain += '"';
      first = false;
    }
  }
  const auto again = parse_challenges(plain);
  if (plain.size() > 8192) return;
  SM_CHECK(again.ok() && again.value().size() == challenges.value().size());
  for (std::size_t i = 0; i < again.value().size(); ++i) {
    SM_CHECK(again.value()[i].scheme == challenges.value()[i].scheme);
    SM_CHECK(again.value()[i].parameters == challenges.value()[i].parameters);
  }
}

void check_config(const std::string& text) {
  const auto config = parse_registry_config(text);
  if (!config.ok()) return;
  const auto reference = oci::RegistryReference::parse("nginx").value();
  SM_CHECK(endpoints_of(reference, config.value(), {.certs_dirs = {}}).ok());
}

void check_base64(const std::string& text) {
  SM_CHECK(base64_decode(base64_encode(text)).value() == text);
  static_cast<void>(base64_decode(text));
}

void check_record(const std::string& text) {
  const auto record = parse_record(text);
  if (!record.ok()) return;
  const auto again = parse_record(format_record(record.value()));
  SM_CHECK(again.ok());
  SM_CHECK(again.value().reference.canonical() == record.value().reference.canonical());
}

}  // namespace
}  // namespace supermachine::registry

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace supermachine::registry;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      check_challenges(text);
      break;
    case 1:
      static_cast<void>(parse_auth_file(text));
      break;
    case 2:
      static_cast<void>(parse_helper_answer(text));
      break;
    case 3:
      static_cast<void>(parse_token(text));
      break;
    case 4:
      check_config(text);
      break;
    case 5:
      check_record(text);
      break;
    case 6:
      check_base64(text);
      break;
    default:
      static_cast<void>(parse_retry_after(text, std::chrono::system_clock::from_time_t(0)));
  }
  return 0;
}
