// SPDX-License-Identifier: Apache-2.0
// Tells a ProgressCallback what long work is doing: one call at a time, from whatever thread, and
// not more often than anybody can look.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "supermachine/progress.h"

namespace supermachine {

// Safe to use from many threads; must outlive its steps. Without a callback it does nothing.
class ProgressReport {
 public:
  explicit ProgressReport(ProgressCallback callback);
  ~ProgressReport();

  // A step that goes on; says so at once. Belongs to one thread at a time. Going away without
  // finish() is a failure, which its owner reports in its own way.
  class Step {
   public:
    Step() = default;  // of no report
    Step(Step&&) = default;
    Step& operator=(Step&&) = default;

    void set_total(std::uint64_t total);     // bytes
    void set_done(std::uint64_t done);       // of the bytes
    void add(std::uint64_t bytes);           // to what is done
    void set_note(const std::string& note);  // said with the next call, and kept
    void finish();                           // the last call; what is done stays as it is

   private:
    friend class ProgressReport;
    void tell(bool finished);
    ProgressReport* report_ = nullptr;  // not owned
    Progress now_;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point told_;
  };
  [[nodiscard]] Step begin(Stage stage, std::string item = {}, std::uint64_t total = 0,
                           std::string note = {});

 private:
  struct State;
  void call(const Progress& progress);
  std::unique_ptr<State> state_;
};

}  // namespace supermachine
