// SPDX-License-Identifier: Apache-2.0
#include "base/tar_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

namespace supermachine {
namespace {

constexpr std::size_t kBlock = 512;

// Where a ustar header keeps its fields.
struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kLinkName{157, 100};
constexpr Field kMagic{257, 6};
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};
constexpr Field kPrefix{345, 155};

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr std::string_view kSparsePrefix = "GNU.sparse.";

Error corrupt(std::string message) { return {Errc::kCorrupt, std::move(message)}; }
Error truncated() { return corrupt("archive is truncated"); }
Error sparse(std::string_view path) {
  return {Errc::kUnsupported,
          "'" + std::string(path) + "' is a sparse member; write it without --sparse"};
}

std::string_view text_of(std::span<const std::byte> block, Field field) {
  const auto bytes = block.subspan(field.offset, field.size);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

// Octal digits, or with the top bit set a big-endian number of the field's own width (GNU).
Result<std::int64_t> number_of(std::span<const std::byte> block, Field field) {
  const auto bytes = block.subspan(field.offset, field.size);
  const auto first = std::to_integer<unsigned>(bytes.front());
  if ((first & 0x80U) != 0) {
    const bool negative = (first & 0x40U) != 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto octet = std::to_integer<std::uint64_t>(bytes[i]);
      if (i == 0 && !negative) octet &= 0x7fU;
      if (value >> 55U != (negative ? 0x1ffU : 0U)) return corrupt("number out of range");
      value = value << 8U | octet;
    }
    return static_cast<std::int64_t>(value);
  }
  std::string_view text = text_of(block, field);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::int64_t value = 0;
  if (text.empty()) return value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
    return corrupt("header holds a bad number");
  }
  return value;
}

Result<std::uint32_t> small_number_of(std::span<const std::byte> block, Field field) {
  const std::int64_t value = SM_TRY(number_of(block, field));
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
    return corrupt("number out of range");
  }
  return static_cast<std::uint32_t>(value);
}

// Some old writers summed signed bytes.
bool checksum_fits(std::span<const std::byte> block) {
  const auto stored = number_of(block, kChecksum);
  if (!stored.ok()) return false;
  std::int64_t as_unsigned = 0;
  std::int64_t as_signed = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool in_field = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const std::byte octet = in_field ? std::byte{' '} : block[i];
    as_unsigned += std::to_integer<std::uint8_t>(octet);
    as_signed += std::to_integer<std::int8_t>(octet);
  }
  return stored.value() == as_unsigned || stored.value() == as_signed;
}

bool is_zero(std::span<const std::byte> block) {
  return std::ranges::all_of(block, [](std::byte octet) { return octet == std::byte{0}; });
}

template <typename Number>
Result<Number> decimal(std::string_view key, std::string_view text) {
  // Times may have a fraction, which no file system of ours keeps.
  if (key == "mtime") text = text.substr(0, text.find('.'));
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return corrupt("bad pax value for " + std::string(key));
  }
  return value;
}

}  // namespace

bool is_tar_header(std::span<const std::byte> block) {
  return block.size() == kBlock && (is_zero(block) || checksum_fits(block));
}

struct TarReader::Extensions {
  std::optional<std::string> path;
  std::optional<std::string> link_target;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::int64_t> mtime;
  std::map<std::string, std::string> xattrs;
  bool is_sparse = false;

  Status take_record(std::string_view key, std::string_view value) {
    // An empty value takes an earlier one back.
    if (key == "path") {
      path = value.empty() ? std::nullopt : std::optional<std::string>(value);
    } else if (key == "linkpath") {
      link_target = value.empty() ? std::nullopt : std::optional<std::string>(value);
    } else if (key == "size" && !value.empty()) {
      size = SM_TRY(decimal<std::uint64_t>(key, value));
    } else if (key == "uid" && !value.empty()) {
      uid = SM_TRY(decimal<std::uint32_t>(key, value));
    } else if (key == "gid" && !value.empty()) {
      gid = SM_TRY(decimal<std::uint32_t>(key, value));
    } else if (key == "mtime" && !value.empty()) {
      mtime = SM_TRY(decimal<std::int64_t>(key, value));
    } else if (key.starts_with(kXattrPrefix)) {
      xattrs[std::string(key.substr(kXattrPrefix.size()))] = value;
    } else if (key.starts_with(kSparsePrefix)) {
      is_sparse = true;
    }
    return {};
  }

  // Records of the form "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
  Status take_pax(std::string_view text) {
    while (!text.empty()) {
      const std::size_t space = text.find(' ');
      if (space == std::string_view::npos) return corrupt("bad pax header");
      const auto length = SM_TRY(decimal<std::uint64_t>("length", text.substr(0, space)));
      if (length > text.size() || length < space + 3 || text[length - 1] != '\n') {
        return corrupt("bad pax header");
      }
      const std::string_view record = text.substr(space + 1, length - space - 2);
      const std::size_t equals = record.find('=');
      if (equals == std::string_view::npos || equals == 0) return corrupt("bad pax header");
      SM_TRY(take_record(record.substr(0, equals), record.substr(equals + 1)));
      text.remove_prefix(length);
    }
    return {};
  }
};

Result<bool> TarReader::read_block(std::span<std::byte> block) {
  const std::size_t got = SM_TRY(read_up_to(source_, block));
  position_ += got;
  if (got == 0) return false;
  if (got < block.size()) return truncated();
  return true;
}

Status TarReader::pass_over(std::uint64_t count) {
  Status passed = source_.skip(count);
  if (!passed.ok()) return passed.error().code() == Errc::kCorrupt ? truncated() : passed;
  position_ += count;
  return {};
}

Result<std::size_t> TarReader::read(std::span<std::byte> out) {
  if (data_left_ == 0) return std::size_t{0};
  const std::size_t want = std::min<std::uint64_t>(out.size(), data_left_);
  const std::size_t got = SM_TRY(source_.read(out.first(want)));
  if (got == 0) return truncated();
  position_ += got;
  data_left_ -= got;
  return got;
}

Result<std::string> TarReader::read_extension(std::uint64_t size) {
  if (size > limits_.extension_bytes) {
    return corrupt("extended header of " + std::to_string(size) + " bytes is too long");
  }
  std::string text(size, '\0');
  const std::size_t got =
      SM_TRY(read_up_to(source_, std::as_writable_bytes(std::span(text.data(), text.size()))));
  position_ += got;
  if (got < size) return truncated();
  SM_TRY(pass_over((kBlock - size % kBlock) % kBlock));
  return text;
}

Result<std::optional<TarEntry>> TarReader::next() {
  SM_TRY(pass_over(std::exchange(data_left_, 0)));
  SM_TRY(pass_over(std::exchange(padding_, 0)));
  Extensions extensions;
  bool extended = false;
  for (;;) {
    std::array<std::byte, kBlock> block{};
    const bool more = SM_TRY(read_block(block));
    if (!more || is_zero(block)) {
      if (extended) return truncated();
      if (!more && limits_.needs_end_marker) return truncated();
      // One zero block is a sloppy end, and common enough; the second is passed over if it is
      // there.
      if (more) SM_TRY(read_block(block));
      return std::optional<TarEntry>();
    }
    if (!checksum_fits(block))
      return corrupt("not a tar header at byte " + std::to_string(position_ - kBlock));
    const char type = std::to_integer<char>(block[kType.offset]);
    if (type != 'x' && type != 'g' && type != 'L' && type != 'K') {
      return std::optional(SM_TRY(decode(block, std::move(extensions))));
    }
    const std::int64_t size = SM_TRY(number_of(block, kSize));
    if (size < 0) return corrupt("number out of range");
    std::string text = SM_TRY(read_extension(static_cast<std::uint64_t>(size)));
    if (type == 'g') continue;  // defaults for all members; writers put comments there
    extended = true;
    if (type == 'x') {
      SM_TRY(extensions.take_pax(text));
    } else {
      text.resize(std::min(text.find('\0'), text.size()));
      (type == 'L' ? extensions.path : extensions.link_target) = std::move(text);
    }
  }
}

Result<TarEntry> TarReader::decode(std::span<const std::byte> block, Extensions extensions) {
  const char flag = std::to_integer<char>(block[kType.offset]);
  TarEntry entry;
  entry.path = text_of(block, kName);
  // GNU's magic is "ustar  "; it keeps times where ustar has the prefix of a long name.
  const auto magic = block.subspan(kMagic.offset, kMagic.size);
  if (text_of(block, kMagic) == "ustar" && magic.back() == std::byte{0}) {
    const std::string_view prefix = text_of(block, kPrefix);
    if (!prefix.empty()) entry.path = std::string(prefix) + "/" + entry.path;
  }
  if (extensions.path) entry.path = *std::move(extensions.path);
  entry.link_target = extensions.link_target ? *std::move(extensions.link_target)
                                             : std::string(text_of(block, kLinkName));
  if (entry.path.empty()) return corrupt("member without a name");
  if (entry.path.size() > limits_.path_bytes || entry.link_target.size() > limits_.path_bytes) {
    return corrupt("name '" + entry.path.substr(0, 60) + "...' is too long");
  }
  if (entry.path.find('\0') != std::string::npos ||
      entry.link_target.find('\0') != std::string::npos) {
    return corrupt("name holds a NUL");
  }
  if (extensions.is_sparse || flag == 'S') return sparse(entry.path);
  switch (flag) {
    case '\0':
    case '0':
    case '7':
      entry.type = TarEntry::Type::kFile;
      break;
    case '1':
      entry.type = TarEntry::Type::kHardLink;
      break;
    case '2':
      entry.type = TarEntry::Type::kSymlink;
      break;
    case '3':
      entry.type = TarEntry::Type::kCharacterDevice;
      break;
    case '4':
      entry.type = TarEntry::Type::kBlockDevice;
      break;
    case '5':
      entry.type = TarEntry::Type::kDirectory;
      break;
    case '6':
      entry.type = TarEntry::Type::kFifo;
      break;
    default:
      return Error(Errc::kUnsupported, "'" + entry.path + "' has unknown tar type " +
                                           std::to_string(static_cast<unsigned char>(flag)));
  }
  entry.mode = SM_TRY(small_number_of(block, kMode)) & 07777U;
  entry.uid = extensions.uid ? *extensions.uid : SM_TRY(small_number_of(block, kUid));
  entry.gid = extensions.gid ? *extensions.gid : SM_TRY(small_number_of(block, kGid));
  entry.mtime = extensions.mtime ? *extensions.mtime : SM_TRY(number_of(block, kMtime));
  entry.xattrs = std::move(extensions.xattrs);
  if (entry.type == TarEntry::Type::kCharacterDevice ||
      entry.type == TarEntry::Type::kBlockDevice) {
    entry.device_major = SM_TRY(small_number_of(block, kMajor));
    entry.device_minor = SM_TRY(small_number_of(block, kMinor));
  }
  // Links, directories and devices have no data, whatever their size field says: writers differ.
  if (entry.type == TarEntry::Type::kFile) {
    const std::int64_t in_header = extensions.size ? 0 : SM_TRY(number_of(block, kSize));
    entry.size = extensions.size ? *extensions.size : static_cast<std::uint64_t>(in_header);
    if (in_header < 0 || entry.size > std::numeric_limits<std::int64_t>::max() - 2 * kBlock) {
      return corrupt("'" + entry.path + "' has an impossible size");
    }
  }
  // Before ustar a directory was a file with a slash.
  if (entry.type == TarEntry::Type::kFile && entry.size == 0 && entry.path.ends_with('/')) {
    entry.type = TarEntry::Type::kDirectory;
  }
  entry.data_offset = position_;
  data_left_ = entry.size;
  padding_ = (kBlock - entry.size % kBlock) % kBlock;
  return entry;
}

}  // namespace supermachine
