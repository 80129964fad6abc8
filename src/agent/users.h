// SPDX-License-Identifier: Apache-2.0
// Users and groups as the image's /etc/passwd and /etc/group have them. Both files are the image
// author's: any line may be malformed and is then skipped. The C library's own lookup is not used:
// it loads modules, which a static program must not.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "supermachine/result.h"

namespace supermachine::agent {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
  std::string home = "/";
  bool operator==(const User&) const = default;
};

// `spec` is "", USER or USER:GROUP, each a name or a number; "" means uid 0. Follows `docker run
// --user`: a number need not be listed, a group that is named replaces the supplementary ones.
Result<User> find_user(std::string_view spec, std::string_view passwd, std::string_view group);

// The same with the files under `root` ("" in the guest), which are read again when they have
// changed. An absent file counts as empty.
class Users {
 public:
  explicit Users(const std::string& root)
      : passwd_{.path = root + "/etc/passwd"}, group_{.path = root + "/etc/group"} {}

  Result<User> find(std::string_view spec);

 private:
  struct Database {
    std::string path;
    std::string text = {};
    struct stat of = {};   // the file's when `text` was read
    bool current = false;  // `text` is that of the file while it is like `of`
  };
  static Result<std::string_view> read(Database& database);

  Database passwd_;
  Database group_;
};

}  // namespace supermachine::agent
