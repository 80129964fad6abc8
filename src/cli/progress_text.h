// SPDX-License-Identifier: Apache-2.0
// A step of long work as a line of text. Knows no terminal.
#pragma once

#include <cstddef>
#include <string>

#include "supermachine/progress.h"

namespace supermachine::cli {

// "download layer sha256:3f5c12…": what the step is called.
std::string progress_name(const Progress& progress);

// How it begins: that, and what there is to note: "capture web: waiting for another process".
std::string progress_begin(const Progress& progress);

// How it ended: "download layer …: 29.1 MiB in 2.31 s, 12.6 MiB/s". `base` of its bytes were there
// before it began.
std::string progress_end(const Progress& progress, std::uint64_t base);

// How it stands: a name, a bar, a rate, and when it will end; at most `columns` wide. `rate` is in
// bytes a second, 0 when it is not known.
std::string progress_bar(const Progress& progress, double rate, std::size_t columns);

// One object: {"stage":"download","item":"layer …","done":1,"total":2,"elapsed_ms":3.000,
// "finished":false,"note":"…"}, without a line end.
std::string progress_json(const Progress& progress);

}  // namespace supermachine::cli
