// SPDX-License-Identifier: Apache-2.0
// What a detached VM's command wrote: a JSON object per line, as docker's json-file driver has it,
// in vms/ID/log; before that, in log.1. Format: docs/formats/vm-state.md.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "cli/fd.h"
#include "cli/vms/state.h"

namespace supermachine::cli {

enum class LogStream { kStdout, kStderr };

struct LogEntry {
  TimePoint time{};
  LogStream stream = LogStream::kStdout;
  std::string text;
  bool operator==(const LogEntry&) const = default;
};

std::string log_line(const LogEntry& entry);  // with "\n"
// kCorrupt.
Result<LogEntry> parse_log_line(std::string_view line);

class LogWriter {
 public:
  // The file is replaced by the next one when it is longer, so that twice as much is kept.
  static constexpr std::size_t kMaxFile = std::size_t{8} << 20;

  static Result<LogWriter> create(const std::string& directory, std::size_t max_file = kMaxFile);

  // What cannot be written is lost: the command goes on.
  void add(LogStream stream, std::string_view text);

 private:
  LogWriter(std::string path, Fd fd, std::size_t max_file)
      : path_(std::move(path)), fd_(std::move(fd)), max_file_(max_file) {}
  void rotate();
  std::string path_;
  Fd fd_;
  std::size_t max_file_;
  std::size_t size_ = 0;
  bool torn_ = false;  // the last line lacks its end
};

// Reads what is there, again and again while it grows, over rotations.
class LogReader {
 public:
  // kNotFound when there is no log.
  static Result<LogReader> open(const std::string& directory);

  // nullopt: no more for now. Lines that are damaged are left out.
  Result<std::optional<LogEntry>> next();

  // Readable when there may be more.
  [[nodiscard]] int fd() const noexcept { return notify_.get(); }
  void clear();  // before next(), which reads what fd() told of

 private:
  LogReader(std::string path, Fd notify, Fd file)
      : path_(std::move(path)), notify_(std::move(notify)), file_(std::move(file)) {}
  Result<bool> fill();
  [[nodiscard]] bool was_rotated() const;

  std::string path_;
  Fd notify_;  // see inotify(7)
  Fd file_;
  bool newest_ = false;  // `file_` is not log.1
  std::string buffer_;
};

}  // namespace supermachine::cli
