// SPDX-License-Identifier: Apache-2.0
// `supermachine logs`: what the command of a detached VM wrote.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <deque>

#include "cli/help/text.h"
#include "cli/vms/file.h"
#include "cli/vms/help.h"
#include "cli/vms/log.h"
#include "cli/vms/options.h"
#include "cli/vms/reach.h"

namespace supermachine::cli {
namespace {

class Printer {
 public:
  explicit Printer(const LogsOptions& options) : options_(options) {}

  Status print(const LogEntry& entry) {
    const int fd = entry.stream == LogStream::kStdout ? STDOUT_FILENO : STDERR_FILENO;
    if (!options_.timestamps) return write_fully(fd, entry.text);
    bool& in_line = in_line_[entry.stream == LogStream::kStdout ? 0 : 1];
    std::string out;
    for (const char c : entry.text) {
      if (!in_line) out += format_time(entry.time) + " ";
      in_line = c != '\n';
      out += c;
    }
    return write_fully(fd, out);
  }

 private:
  const LogsOptions& options_;
  std::array<bool, 2> in_line_{};
};

// The last `count` lines of both streams together. What has no end of line yet is one too.
std::deque<LogEntry> last_lines(std::deque<LogEntry> entries, std::size_t count) {
  std::size_t lines = 0;
  std::size_t keep = entries.size();
  bool complete = true;  // the line that follows what was looked at has begun there
  while (keep > 0) {
    std::string& text = entries[keep - 1].text;
    std::size_t begin = text.size();
    while (begin > 0) {
      if (complete || text[begin - 1] == '\n') {
        if (lines == count) break;
        ++lines;
        complete = false;
        --begin;
        continue;
      }
      --begin;
    }
    if (begin > 0) {
      text.erase(0, begin);
      if (text.empty()) break;
      --keep;
      break;
    }
    --keep;
  }
  entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(keep));
  return entries;
}

// Until there is more, or the VM has ended: true.
Result<bool> wait_for_more(const LogReader& reader, const std::optional<VmProcess>& process) {
  if (!process) return true;
  std::array<pollfd, 2> fds{{{.fd = reader.fd(), .events = POLLIN, .revents = 0},
                             {.fd = process->fd(), .events = POLLIN, .revents = 0}}};
  if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return Error::from_errno("poll");
  return fds[1].revents != 0;
}

Status print_log(const LogsOptions& options, const VmEntry& entry) {
  LogReader reader = SM_TRY(LogReader::open(entry.directory));
  Printer printer(options);
  const auto wanted = [&](const LogEntry& e) { return !options.since || e.time >= *options.since; };
  if (options.tail) {
    std::deque<LogEntry> entries;
    while (auto next = SM_TRY(reader.next())) {
      if (wanted(*next)) entries.push_back(*std::move(next));
    }
    for (const LogEntry& e : last_lines(std::move(entries), *options.tail)) {
      SM_TRY(printer.print(e));
    }
  }
  const auto process = SM_TRY(process_of(entry));
  for (bool ended = !options.follow;;) {
    reader.clear();
    while (const auto next = SM_TRY(reader.next())) {
      if (wanted(*next)) SM_TRY(printer.print(*next));
    }
    if (ended) return {};
    ended = SM_TRY(wait_for_more(reader, process));
  }
}

}  // namespace

Result<int> logs_verb(Args args) {
  const LogsOptions options = SM_TRY(parse_logs_options(args));
  if (options.help) return print_help(kLogsHelp);
  SM_TRY(follow_into_lab(options.engine, "logs", args));
  VmStore store = SM_TRY(VmStore::open());
  const VmEntry entry = SM_TRY(store.find(options.vm));
  const Status printed = print_log(options, entry);
  // Like head(1), which has seen enough.
  if (!printed.ok() && printed.error().os_errno() == EPIPE) return kSignalBase + SIGPIPE;
  SM_TRY(printed);
  return 0;
}

}  // namespace supermachine::cli
