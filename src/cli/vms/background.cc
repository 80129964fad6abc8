// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/background.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/vms/file.h"

namespace supermachine::cli {

Status leave_streams() {
  const Fd null = SM_TRY(open_file("/dev/null", O_RDWR));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(null.get(), fd) < 0) return Error::from_errno("dup2");
  }
  if (::chdir("/") != 0) return Error::from_errno("chdir");
  return {};
}

Status go_to_background() {
  const pid_t child = ::fork();
  if (child < 0) return Error::from_errno("fork");
  // Not exit(): what it would end is the child's now.
  if (child > 0) ::_exit(0);
  if (::setsid() < 0) return Error::from_errno("setsid");
  return leave_streams();
}

}  // namespace supermachine::cli
