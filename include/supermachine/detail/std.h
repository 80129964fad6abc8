// SPDX-License-Identifier: Apache-2.0
// std::function and the durations of std::chrono. <functional> and <chrono> bring hash tables and
// streams along, which would double the compile time of a program that includes our headers
// (docs/decisions/0083-light-headers.md).
#pragma once

#if __has_include( \
    <bits/chrono.h>) && __has_include(<bits/std_function.h>)  // libstdc++ 12 and later
#include <bits/chrono.h>
#include <bits/std_function.h>
#else
#include <chrono>
#include <functional>
#endif
