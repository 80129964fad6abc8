// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/exec.h"

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

namespace {

ExecBuilder with_argv(ExecBuilder builder, const char* const* argv) {
  builder.argv(to_strings(argv));
  return builder;
}

Result<ExecChild::Timeout> to_timeout(std::int64_t nanoseconds) {
  if (nanoseconds == SUPERMACHINE_FOREVER) return ExecChild::Timeout();
  return ExecChild::Timeout(SM_TRY(to_milliseconds(nanoseconds)));
}

}  // namespace

void supermachine_outcome_free(supermachine_outcome* outcome) noexcept { delete outcome; }
int supermachine_outcome_status(const supermachine_outcome* outcome) noexcept {
  return outcome == nullptr ? -1 : outcome->outcome.status;
}
bool supermachine_outcome_success(const supermachine_outcome* outcome) noexcept {
  return get(outcome, [](auto& o) { return o.outcome.success(); });
}
const void* supermachine_outcome_stdout(const supermachine_outcome* outcome,
                                        size_t* size) noexcept {
  if (size != nullptr) *size = 0;
  return get(outcome, [&](auto& o) { return give_bytes(o.outcome.stdout, size); });
}
const void* supermachine_outcome_stderr(const supermachine_outcome* outcome,
                                        size_t* size) noexcept {
  if (size != nullptr) *size = 0;
  return get(outcome, [&](auto& o) { return give_bytes(o.outcome.stderr, size); });
}
int64_t supermachine_outcome_duration(const supermachine_outcome* outcome) noexcept {
  return get(outcome, [](auto& o) -> std::int64_t { return o.outcome.duration.count(); });
}
bool supermachine_outcome_timed_out(const supermachine_outcome* outcome) noexcept {
  return get(outcome, [](auto& o) { return o.outcome.timed_out; });
}
uint64_t supermachine_outcome_peak_rss_kib(const supermachine_outcome* outcome) noexcept {
  return get(outcome, [](auto& o) { return o.outcome.peak_rss_kib; });
}
size_t supermachine_outcome_step(const supermachine_outcome* outcome) noexcept {
  return get(outcome, [](auto& o) { return o.outcome.step; });
}

supermachine_event::supermachine_event(ExecEvent event) : kind(SUPERMACHINE_EVENT_OUTCOME) {
  if (auto* out = std::get_if<ExecStdout>(&event)) {
    kind = SUPERMACHINE_EVENT_STDOUT;
    data = std::move(out->data);
  } else if (auto* err = std::get_if<ExecStderr>(&event)) {
    kind = SUPERMACHINE_EVENT_STDERR;
    data = std::move(err->data);
  } else {
    outcome.emplace(supermachine_outcome{std::get<ExecOutcome>(std::move(event))});
  }
}

void supermachine_event_free(supermachine_event* event) noexcept { delete event; }
supermachine_event_kind supermachine_event_get_kind(const supermachine_event* event) noexcept {
  return get(event, [](auto& e) { return e.kind; });
}
const void* supermachine_event_data(const supermachine_event* event, size_t* size) noexcept {
  if (size != nullptr) *size = 0;
  if (event == nullptr || event->outcome) return nullptr;
  return give_bytes(event->data, size);
}
const supermachine_outcome* supermachine_event_outcome(const supermachine_event* event) noexcept {
  return get(event, [](auto& e) { return e.outcome ? &*e.outcome : nullptr; });
}

void supermachine_child_free(supermachine_child* child) noexcept { delete child; }
supermachine_status supermachine_child_next(supermachine_child* child, int64_t timeout,
                                            supermachine_event** event,
                                            supermachine_error** error) noexcept {
  return give(event, error, {{"child", child}}, [&]() -> Result<ExecEvent> {
    return child->child.next(SM_TRY(to_timeout(timeout)));
  });
}
supermachine_status supermachine_child_try_next(supermachine_child* child,
                                                supermachine_event** event,
                                                supermachine_error** error) noexcept {
  return give(event, error, {{"child", child}}, [&] { return child->child.try_next(); });
}
supermachine_status supermachine_child_wait(supermachine_child* child, int64_t timeout,
                                            supermachine_outcome** outcome,
                                            supermachine_error** error) noexcept {
  return give(outcome, error, {{"child", child}}, [&]() -> Result<ExecOutcome> {
    return child->child.wait(SM_TRY(to_timeout(timeout)));
  });
}
supermachine_status supermachine_child_write_stdin(supermachine_child* child, const void* bytes,
                                                   size_t size, int64_t timeout,
                                                   supermachine_error** error) noexcept {
  return call(error, {{"child", child}}, [&]() -> Status {
    SM_TRY(check_bytes(bytes, size));
    return child->child.write_stdin(to_view(bytes, size), SM_TRY(to_timeout(timeout)));
  });
}
supermachine_status supermachine_child_try_write_stdin(supermachine_child* child, const void* bytes,
                                                       size_t size, size_t* taken,
                                                       supermachine_error** error) noexcept {
  if (taken != nullptr) *taken = 0;
  return call(error, {{"child", child}, {"taken", taken}}, [&]() -> Status {
    SM_TRY(check_bytes(bytes, size));
    *taken = SM_TRY(child->child.try_write_stdin(to_view(bytes, size)));
    return {};
  });
}
supermachine_status supermachine_child_close_stdin(supermachine_child* child) noexcept {
  return set({{"child", child}}, [&] { child->child.close_stdin(); });
}
supermachine_status supermachine_child_signal(supermachine_child* child, int number,
                                              supermachine_error** error) noexcept {
  return call(error, {{"child", child}}, [&] { return child->child.signal(number); });
}
supermachine_status supermachine_child_resize(supermachine_child* child, uint16_t rows,
                                              uint16_t cols, supermachine_error** error) noexcept {
  return call(error, {{"child", child}}, [&] { return child->child.resize(rows, cols); });
}
uint64_t supermachine_child_skipped_bytes(const supermachine_child* child) noexcept {
  return get(child, [](auto& c) { return c.child.skipped_bytes(); });
}
int supermachine_child_fd(const supermachine_child* child) noexcept {
  return child == nullptr ? -1 : child->child.fd();
}
bool supermachine_child_wants_write(const supermachine_child* child) noexcept {
  return get(child, [](auto& c) { return c.child.wants_write(); });
}

supermachine_status supermachine_exec_new(supermachine_vm* vm, const char* const* argv,
                                          supermachine_exec** exec,
                                          supermachine_error** error) noexcept {
  return give(exec, error, {{"vm", vm}, {"argv", argv}},
              [&]() -> Result<ExecBuilder> { return with_argv(vm->get().exec_builder(), argv); });
}
supermachine_status supermachine_exec_new_remote(supermachine_remote_vm* vm,
                                                 const char* const* argv, supermachine_exec** exec,
                                                 supermachine_error** error) noexcept {
  return give(exec, error, {{"vm", vm}, {"argv", argv}},
              [&]() -> Result<ExecBuilder> { return with_argv(vm->vm.exec_builder(), argv); });
}
void supermachine_exec_free(supermachine_exec* exec) noexcept { delete exec; }

supermachine_status supermachine_exec_add_env(supermachine_exec* exec, const char* name,
                                              const char* value) noexcept {
  return set({{"exec", exec}, {"name", name}, {"value", value}},
             [&] { exec->builder.env(name, value); });
}
supermachine_status supermachine_exec_set_cwd(supermachine_exec* exec, const char* dir) noexcept {
  return set({{"exec", exec}, {"dir", dir}}, [&] { exec->builder.cwd(dir); });
}
supermachine_status supermachine_exec_set_user(supermachine_exec* exec, const char* user) noexcept {
  return set({{"exec", exec}, {"user", user}}, [&] { exec->builder.user(user); });
}
supermachine_status supermachine_exec_set_tty(supermachine_exec* exec, bool on) noexcept {
  return set({{"exec", exec}}, [&] { exec->builder.tty(on); });
}
supermachine_status supermachine_exec_set_winsize(supermachine_exec* exec, uint16_t rows,
                                                  uint16_t cols) noexcept {
  return set({{"exec", exec}}, [&] { exec->builder.winsize(rows, cols); });
}
supermachine_status supermachine_exec_set_stdin(supermachine_exec* exec, bool on) noexcept {
  return set({{"exec", exec}}, [&] { exec->builder.with_stdin(on); });
}
supermachine_status supermachine_exec_set_input(supermachine_exec* exec, const void* bytes,
                                                size_t size) noexcept {
  if (!check_bytes(bytes, size).ok()) return SUPERMACHINE_INVALID_ARGUMENT;
  return set({{"exec", exec}}, [&] { exec->builder.input(std::string(to_view(bytes, size))); });
}
supermachine_status supermachine_exec_set_timeout(supermachine_exec* exec,
                                                  int64_t timeout) noexcept {
  return set_time(exec, timeout, [&](auto time) { exec->builder.timeout(time); });
}
supermachine_status supermachine_exec_stage_file(supermachine_exec* exec, const char* path,
                                                 const void* bytes, size_t size,
                                                 uint32_t mode) noexcept {
  if (!check_bytes(bytes, size).ok()) return SUPERMACHINE_INVALID_ARGUMENT;
  return set({{"exec", exec}, {"path", path}},
             [&] { exec->builder.stage_file(path, std::string(to_view(bytes, size)), mode); });
}
supermachine_status supermachine_exec_chain(supermachine_exec* exec,
                                            const char* const* argv) noexcept {
  return set({{"exec", exec}, {"argv", argv}}, [&] { exec->builder.chain(to_strings(argv)); });
}

supermachine_status supermachine_exec_output(supermachine_exec* exec,
                                             supermachine_outcome** outcome,
                                             supermachine_error** error) noexcept {
  return give(outcome, error, {{"exec", exec}}, [&] { return exec->builder.output(); });
}
supermachine_status supermachine_exec_spawn(supermachine_exec* exec, supermachine_child** child,
                                            supermachine_error** error) noexcept {
  return give(child, error, {{"exec", exec}}, [&] { return exec->builder.spawn(); });
}
