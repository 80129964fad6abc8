// SPDX-License-Identifier: Apache-2.0
#include "supermachine/exec.h"

#include <algorithm>

#include "api/state.h"

namespace supermachine {
namespace {

// Until the agent has started the command; and, beyond a timeout that the agent keeps, until it
// must have said so.
constexpr auto kStartTimeout = std::chrono::seconds(30);
constexpr auto kTimeoutGrace = std::chrono::seconds(10);

Deadline to_deadline(ExecChild::Timeout timeout) {
  return timeout ? deadline_in(*timeout) : Deadline::max();
}

ExecOutcome to_outcome(const rpc::ExitStatus& status) {
  constexpr int kSignalBase = 128;
  return {
      .status = static_cast<int>(status.signal != 0 ? kSignalBase + status.signal : status.code),
      .stdout = {},
      .stderr = {},
      .duration = std::chrono::nanoseconds(status.duration_ns),
      .timed_out = status.timed_out,
      .peak_rss_kib = status.peak_rss_kib,
      .step = status.step};
}

ExecOutcome to_outcome(client::ExecResult result) {
  ExecOutcome outcome = to_outcome(result.status);
  outcome.stdout = std::move(result.out);
  outcome.stderr = std::move(result.err);
  return outcome;
}

ExecEvent to_event(client::ExecSession::Event event) {
  if (auto* out = std::get_if<client::ExecSession::Stdout>(&event))
    return ExecStdout{std::move(out->data)};
  if (auto* err = std::get_if<client::ExecSession::Stderr>(&event))
    return ExecStderr{std::move(err->data)};
  return to_outcome(std::get<rpc::ExitStatus>(event));
}

// `env` holds "NAME=value" once for each name.
void set_variable(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  const std::string prefix = std::string(name) + "=";
  std::string entry = prefix + std::string(value);
  const auto found =
      std::ranges::find_if(env, [&](const std::string& e) { return e.starts_with(prefix); });
  if (found != env.end()) {
    *found = std::move(entry);
  } else {
    env.push_back(std::move(entry));
  }
}

}  // namespace

ExecChild::ExecChild(detail::Owned<State> state) : state_(std::move(state)) {}
ExecChild::ExecChild(ExecChild&&) noexcept = default;
ExecChild& ExecChild::operator=(ExecChild&&) noexcept = default;
ExecChild::~ExecChild() = default;

Result<ExecEvent> ExecChild::next(Timeout timeout) {
  return to_event(SM_TRY(state_->session.next_event(to_deadline(timeout))));
}

Result<std::optional<ExecEvent>> ExecChild::try_next() {
  auto event = SM_TRY(state_->session.try_event());
  if (!event) return std::optional<ExecEvent>();
  return std::optional(to_event(*std::move(event)));
}

Result<ExecOutcome> ExecChild::wait(Timeout timeout) {
  return to_outcome(SM_TRY(state_->session.collect({}, to_deadline(timeout))));
}

Status ExecChild::write_stdin(std::string_view bytes, Timeout timeout) {
  return state_->session.write_stdin(std::as_bytes(std::span(bytes)), to_deadline(timeout));
}

Result<std::size_t> ExecChild::try_write_stdin(std::string_view bytes) {
  return state_->session.try_write_stdin(std::as_bytes(std::span(bytes)));
}

void ExecChild::close_stdin() { state_->session.close_stdin(); }
Status ExecChild::signal(int number) { return state_->session.signal(number); }
Status ExecChild::resize(std::uint16_t rows, std::uint16_t cols) {
  return state_->session.resize({.rows = rows, .cols = cols});
}
std::uint64_t ExecChild::skipped_bytes() const noexcept { return state_->session.skipped(); }
int ExecChild::fd() const noexcept { return state_->session.fd(); }
bool ExecChild::wants_write() const noexcept { return state_->session.wants_write(); }

ExecBuilder::ExecBuilder(detail::Owned<State> state) : state_(std::move(state)) {}
ExecBuilder::ExecBuilder(const ExecBuilder& other)
    : state_(std::make_unique<State>(*other.state_)) {}
ExecBuilder& ExecBuilder::operator=(const ExecBuilder& other) {
  ExecBuilder copy(other);
  return *this = std::move(copy);
}
ExecBuilder::ExecBuilder(ExecBuilder&&) noexcept = default;
ExecBuilder& ExecBuilder::operator=(ExecBuilder&&) noexcept = default;
ExecBuilder::~ExecBuilder() = default;

ExecBuilder& ExecBuilder::argv(std::vector<std::string> argv) {
  state_->request.argv = std::move(argv);
  return *this;
}
ExecBuilder& ExecBuilder::env(std::string_view name, std::string_view value) {
  set_variable(state_->request.env, name, value);
  return *this;
}
ExecBuilder& ExecBuilder::cwd(std::string dir) {
  state_->request.cwd = std::move(dir);
  return *this;
}
ExecBuilder& ExecBuilder::user(std::string user) {
  state_->request.user = std::move(user);
  return *this;
}
ExecBuilder& ExecBuilder::tty(bool on) {
  state_->request.tty = on;
  return *this;
}
ExecBuilder& ExecBuilder::winsize(std::uint16_t rows, std::uint16_t cols) {
  state_->request.window = {.rows = rows, .cols = cols};
  return *this;
}
ExecBuilder& ExecBuilder::with_stdin(bool on) {
  state_->request.with_stdin = on;
  return *this;
}
ExecBuilder& ExecBuilder::input(std::string bytes) {
  state_->input = std::move(bytes);
  return *this;
}
ExecBuilder& ExecBuilder::timeout(std::chrono::milliseconds timeout) {
  state_->request.timeout_ms =
      static_cast<std::uint64_t>(std::max<std::chrono::milliseconds::rep>(timeout.count(), 1));
  return *this;
}
ExecBuilder& ExecBuilder::stage_file(std::string path, std::string bytes, std::uint32_t mode) {
  state_->request.staged_files.push_back(
      {.path = std::move(path), .mode = mode, .content = std::move(bytes)});
  return *this;
}
ExecBuilder& ExecBuilder::chain(std::vector<std::string> argv) {
  state_->request.chain.push_back(std::move(argv));
  return *this;
}

Result<ExecOutcome> ExecBuilder::output() {
  rpc::ExecRequest request = state_->request;
  request.with_stdin = !state_->input.empty();
  auto session =
      SM_TRY(client::ExecSession::start(state_->connect, request, deadline_in(kStartTimeout)));
  const Deadline deadline =
      request.timeout_ms == 0
          ? Deadline::max()
          : deadline_in(std::chrono::milliseconds(request.timeout_ms) + kTimeoutGrace);
  ExecOutcome outcome = to_outcome(SM_TRY(session.collect(state_->input, deadline)));
  if (state_->log && outcome.success()) state_->log->add(std::move(request), state_->input);
  return outcome;
}

Result<ExecChild> ExecBuilder::spawn() {
  auto session = SM_TRY(
      client::ExecSession::start(state_->connect, state_->request, deadline_in(kStartTimeout)));
  if (state_->log) state_->log->add(state_->request, {});
  return ExecChild(std::unique_ptr<ExecChild::State>(new ExecChild::State{std::move(session)}));
}

}  // namespace supermachine
