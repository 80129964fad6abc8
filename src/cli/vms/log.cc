// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/log.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "cli/json_text.h"
#include "cli/vms/file.h"
#include "cli/vms/flat_json.h"

namespace supermachine::cli {
namespace {

constexpr std::size_t kMaxLine = std::size_t{1} << 20;  // 64 KiB of text, each byte an escape

std::string older(const std::string& path) { return path + ".1"; }

}  // namespace

std::string log_line(const LogEntry& entry) {
  const char* stream = entry.stream == LogStream::kStdout ? "stdout" : "stderr";
  return "{\"log\":" + json_string(entry.text) + ",\"stream\":\"" + stream + "\",\"time\":\"" +
         format_time(entry.time) + "\"}\n";
}

Result<LogEntry> parse_log_line(std::string_view line) {
  const Error damaged(Errc::kCorrupt, "a line of the log is damaged");
  const FlatJson json = SM_TRY(FlatJson::parse(line));
  auto text = json.string("log");
  const auto stream = json.string("stream");
  const auto time = json.string("time");
  if (!text || !time || (stream != "stdout" && stream != "stderr")) return damaged;
  return LogEntry{.time = SM_TRY(parse_time(*time)),
                  .stream = stream == "stdout" ? LogStream::kStdout : LogStream::kStderr,
                  .text = *std::move(text)};
}

Result<LogWriter> LogWriter::create(const std::string& directory, std::size_t max_file) {
  std::string path = directory + "/log";
  Fd fd = SM_TRY(open_file(path, O_WRONLY | O_CREAT | O_APPEND));
  return LogWriter(std::move(path), std::move(fd), max_file);
}

void LogWriter::add(LogStream stream, std::string_view text) {
  constexpr std::size_t kMaxText = std::size_t{64} << 10;
  while (!text.empty()) {
    std::string line = torn_ ? "\n" : "";
    line +=
        log_line({.time = now(), .stream = stream, .text = std::string(text.substr(0, kMaxText))});
    text.remove_prefix(std::min(text.size(), kMaxText));
    if (size_ + line.size() > max_file_ && size_ != 0) rotate();
    torn_ = !write_fully(fd_.get(), line).ok();
    size_ += line.size();
  }
}

void LogWriter::rotate() {
  if (::rename(path_.c_str(), older(path_).c_str()) != 0) return;
  auto next = open_file(path_, O_WRONLY | O_CREAT | O_APPEND);
  size_ = 0;
  if (next.ok()) fd_ = std::move(next).value();
}

Result<LogReader> LogReader::open(const std::string& directory) {
  const std::string path = directory + "/log";
  Fd notify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (notify.get() < 0) return Error::from_errno("inotify_init1");
  if (::inotify_add_watch(notify.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) <
      0) {
    return Error::from_errno("inotify_add_watch " + directory);
  }
  for (const std::string& first : {older(path), path}) {
    auto file = open_file(first, O_RDONLY);
    if (file.ok()) {
      LogReader reader(path, std::move(notify), std::move(file).value());
      reader.newest_ = first == path;
      return reader;
    }
    if (file.error().os_errno() != ENOENT) return std::move(file).error();
  }
  return Error(Errc::kNotFound, "there is no log in " + directory);
}

void LogReader::clear() {
  alignas(inotify_event) std::array<char, 4096> events;
  while (::read(notify_.get(), events.data(), events.size()) > 0) {
  }
}

bool LogReader::was_rotated() const {
  if (!newest_) return true;
  struct stat ours {};
  struct stat named {};
  if (::fstat(file_.get(), &ours) != 0 || ::stat(path_.c_str(), &named) != 0) return false;
  return ours.st_ino != named.st_ino;
}

// Whether there is more.
Result<bool> LogReader::fill() {
  for (;;) {
    const bool rotated = was_rotated();  // asked first: what is written then goes elsewhere
    std::array<char, 65536> chunk;
    const ssize_t got = ::read(file_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno("read " + path_);
    if (got > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
      return true;
    }
    if (!rotated) return false;
    auto next = open_file(path_, O_RDONLY);
    if (!next.ok()) return false;
    file_ = std::move(next).value();
    newest_ = true;
    buffer_.clear();
  }
}

Result<std::optional<LogEntry>> LogReader::next() {
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      auto entry = parse_log_line(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end + 1);
      searched = 0;
      if (entry.ok()) return std::optional(std::move(entry).value());
      continue;
    }
    searched = buffer_.size();
    if (buffer_.size() > kMaxLine) {
      buffer_.clear();
      searched = 0;
    }
    if (!SM_TRY(fill())) return std::optional<LogEntry>();
    searched = std::min(searched, buffer_.size());
  }
}

}  // namespace supermachine::cli
