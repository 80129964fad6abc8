// SPDX-License-Identifier: Apache-2.0
// Makes tar archives in memory, honest or not: every field of a header can be set by hand, names
// are written as they are given, and nothing is checked.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace supermachine {

class TarWriter {
 public:
  struct Header {
    std::string name{};
    char type = '0';
    std::string link{};
    std::uint32_t mode = 0644;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t mtime = 1'600'000'000;
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
  };

  TarWriter& file(std::string name, std::string_view data = {}, std::uint32_t mode = 0644) {
    return add({.name = std::move(name), .mode = mode}, data);
  }
  TarWriter& directory(std::string name, std::uint32_t mode = 0755) {
    return add({.name = std::move(name), .type = '5', .mode = mode});
  }
  TarWriter& symlink(std::string name, std::string target) {
    return add({.name = std::move(name), .type = '2', .link = std::move(target), .mode = 0777});
  }
  TarWriter& hard_link(std::string name, std::string target) {
    return add({.name = std::move(name), .type = '1', .link = std::move(target)});
  }

  // Names longer than the header's field are cut: write a pax() first.
  TarWriter& add(const Header& header, std::string_view data = {}) {
    return add_with_size(header, data.size(), data);
  }

  // A header that says `size`, whatever `data` is.
  TarWriter& add_with_size(const Header& header, std::uint64_t size, std::string_view data) {
    std::array<char, 512> block{};
    const auto text = [&](std::size_t offset, std::size_t length, std::string_view value) {
      std::memcpy(block.data() + offset, value.data(), std::min(length, value.size()));
    };
    const auto octal = [&](std::size_t offset, int digits, std::uint64_t value) {
      std::array<char, 32> out{};
      std::snprintf(out.data(), out.size(), "%0*llo", digits,
                    static_cast<unsigned long long>(value));
      text(offset, static_cast<std::size_t>(digits), out.data());
    };
    text(0, 100, header.name);
    octal(100, 7, header.mode);
    octal(108, 7, header.uid);
    octal(116, 7, header.gid);
    octal(124, 11, size);
    octal(136, 11, header.mtime);
    block[156] = header.type;
    text(157, 100, header.link);
    text(257, 8, std::string_view("ustar\00000", 8));
    octal(329, 7, header.major);
    octal(337, 7, header.minor);
    return raw_header(block).data(data);
  }

  // Records for the next member, as pax has them.
  TarWriter& pax(const std::string& key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;  // space, '=', newline
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) ++length;
    std::string record = std::to_string(length) + " " + key + "=";
    record.append(value);
    record += '\n';
    return add({.name = "PaxHeaders/x", .type = 'x'}, record);
  }

  // Sets the checksum and appends.
  TarWriter& raw_header(std::array<char, 512> block) {
    std::memset(block.data() + 148, ' ', 8);
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    std::snprintf(block.data() + 148, 8, "%06o", sum);
    bytes_.append(block.data(), block.size());
    return *this;
  }

  TarWriter& data(std::string_view data) {
    bytes_.append(data);
    bytes_.resize((bytes_.size() + 511) / 512 * 512);
    return *this;
  }

  [[nodiscard]] const std::string& unfinished() const { return bytes_; }
  [[nodiscard]] std::string finish() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

}  // namespace supermachine
