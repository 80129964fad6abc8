// SPDX-License-Identifier: Apache-2.0
#include "agent/users.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::size_t kMaxGroups = 65536;  // NGROUPS_MAX

// 2^32-1 means "no change" to the kernel and is nobody's number.
std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value == ~std::uint32_t{0}) return std::nullopt;
  return value;
}

// Cuts the text before the next `separator` off `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t at = std::min(rest.find(separator), rest.size());
  const std::string_view piece = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return piece;
}

struct PasswdLine {
  std::string_view name;
  uid_t uid;
  gid_t gid;
  std::string_view home;
};

std::optional<PasswdLine> parse_passwd_line(std::string_view line) {
  const std::string_view name = take(line, ':');
  take(line, ':');
  const auto uid = number(take(line, ':'));
  const auto gid = number(take(line, ':'));
  take(line, ':');
  const std::string_view home = take(line, ':');
  if (name.empty() || !uid || !gid) return std::nullopt;
  return PasswdLine{name, *uid, *gid, home};
}

struct GroupLine {
  std::string_view name;
  gid_t gid;
  std::string_view members;
};

std::optional<GroupLine> parse_group_line(std::string_view line) {
  const std::string_view name = take(line, ':');
  take(line, ':');
  const auto gid = number(take(line, ':'));
  if (name.empty() || !gid) return std::nullopt;
  return GroupLine{name, *gid, line};
}

bool is_member(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    if (take(members, ',') == name) return true;
  }
  return false;
}

// A name wins over a number, as everywhere: a user may be called "1000".
std::optional<PasswdLine> find_passwd(std::string_view passwd, std::string_view wanted) {
  const auto uid = number(wanted);
  std::optional<PasswdLine> by_number;
  while (!passwd.empty()) {
    const auto line = parse_passwd_line(take(passwd, '\n'));
    if (!line) continue;
    if (line->name == wanted) return line;
    if (uid && line->uid == *uid && !by_number) by_number = line;
  }
  return by_number;
}

std::optional<gid_t> find_group(std::string_view group, std::string_view wanted) {
  while (!group.empty()) {
    const auto line = parse_group_line(take(group, '\n'));
    if (line && line->name == wanted) return line->gid;
  }
  return number(wanted);
}

std::vector<gid_t> groups_of(std::string_view group, std::string_view name) {
  std::vector<gid_t> out;
  while (!group.empty() && out.size() < kMaxGroups) {
    const auto line = parse_group_line(take(group, '\n'));
    if (line && is_member(line->members, name)) out.push_back(line->gid);
  }
  return out;
}

bool same_file(const struct stat& a, const struct stat& b) {
  const auto same_time = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         same_time(a.st_mtim, b.st_mtim) && same_time(a.st_ctim, b.st_ctim);
}

// A file that was written just now may be written again without its times showing it.
bool is_settled(const struct stat& info) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return info.st_mtim.tv_sec + 1 < now.tv_sec && info.st_ctim.tv_sec + 1 < now.tv_sec;
}

Result<std::string> read_whole(const std::string& path, struct stat& info) {
  // The image may have put a FIFO here, which would otherwise block the guest's first process.
  auto fd = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd.ok()) {
    const int why = fd.error().os_errno();
    if (why == ENOENT || why == ENOTDIR || why == ELOOP) return std::string();
    return std::move(fd).error();
  }
  if (::fstat(fd.value().get(), &info) != 0) return Error::from_errno("fstat " + path);
  if (!S_ISREG(info.st_mode)) return Error(Errc::kCorrupt, path + ": not a regular file");
  std::string out;
  for (;;) {
    const std::size_t had = out.size();
    out.resize(had + 4096);
    const std::size_t got =
        SM_TRY(sys::read(fd.value().get(), std::as_writable_bytes(std::span(out).subspan(had))));
    out.resize(had + got);
    if (got == 0) return out;
    if (out.size() > kMaxFile) return Error(Errc::kCorrupt, path + ": longer than 1 MiB");
  }
}

}  // namespace

Result<User> find_user(std::string_view spec, std::string_view passwd, std::string_view group) {
  const std::size_t colon = spec.find(':');
  std::string_view name = spec.substr(0, colon);
  const std::string_view group_name =
      colon == std::string_view::npos ? std::string_view() : spec.substr(colon + 1);
  if (name.empty()) name = "0";

  User user;
  if (const auto line = find_passwd(passwd, name)) {
    user = {.uid = line->uid, .gid = line->gid, .groups = {}, .home = std::string(line->home)};
    if (user.home.empty()) user.home = "/";
    if (group_name.empty()) user.groups = groups_of(group, line->name);
  } else if (const auto uid = number(name)) {
    user.uid = *uid;
  } else {
    return Error(Errc::kNotFound, "user " + std::string(name) + " is not in /etc/passwd");
  }
  if (!group_name.empty()) {
    const auto gid = find_group(group, group_name);
    if (!gid) {
      return Error(Errc::kNotFound, "group " + std::string(group_name) + " is not in /etc/group");
    }
    user.gid = *gid;
  }
  return user;
}

Result<User> Users::find(std::string_view spec) {
  const std::string_view passwd = SM_TRY(read(passwd_));
  const std::string_view group = SM_TRY(read(group_));
  return find_user(spec, passwd, group);
}

Result<std::string_view> Users::read(Database& database) {
  struct stat now {};
  const bool is_there = ::stat(database.path.c_str(), &now) == 0;
  if (database.current && is_there && same_file(now, database.of)) {
    return std::string_view(database.text);
  }
  database.current = false;
  database.of = {};
  database.text = SM_TRY(read_whole(database.path, database.of));
  database.current = is_there && is_settled(database.of);
  return std::string_view(database.text);
}

}  // namespace supermachine::agent
