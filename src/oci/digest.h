// SPDX-License-Identifier: Apache-2.0
// SHA-256 over streams, and digests as OCI writes them: "sha256:" and 64 hexadecimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "supermachine/result.h"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace supermachine::oci {

// "sha256:<hex>", checked. Compares and sorts as its text.
class Digest {
 public:
  Digest() = default;  // empty: of nothing
  static Result<Digest> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::string hex() const { return text_.substr(text_.find(':') + 1); }
  [[nodiscard]] std::string short_text() const { return text_.substr(0, 19); }  // for messages
  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  friend class Sha256;
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  [[nodiscard]] Digest finish();  // once

  static Digest of(std::string_view text);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace supermachine::oci
