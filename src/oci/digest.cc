// SPDX-License-Identifier: Apache-2.0
#include "oci/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

namespace supermachine::oci {

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!text.starts_with(kAlgorithm)) {
    return Error(Errc::kCorrupt, fmt::format("digest '{:.80}' is not a sha256 digest", text));
  }
  const std::string_view hex = text.substr(kAlgorithm.size());
  // Lower case only: the digest becomes a file name.
  const bool good = hex.size() == 64 && std::ranges::all_of(hex, [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  if (!good) return Error(Errc::kCorrupt, fmt::format("digest '{:.80}' is malformed", text));
  return Digest(std::string(text));
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

// OpenSSL fails here only without memory or without SHA-256, and then nothing of ours can go on.
Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  SM_CHECK(context_ != nullptr);
  SM_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::span<const std::byte> bytes) {
  SM_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  std::array<unsigned char, 32> sum{};
  SM_CHECK(EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr) == 1);
  std::string text = "sha256:";
  for (const unsigned char octet : sum) text += fmt::format("{:02x}", octet);
  return Digest(std::move(text));
}

Digest Sha256::of(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.finish();
}

}  // namespace supermachine::oci
