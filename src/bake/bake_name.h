// SPDX-License-Identifier: Apache-2.0
// The names of bakes: each is a directory in the store.
#pragma once

#include <string>
#include <string_view>

#include "supermachine/result.h"

namespace supermachine::bake {

inline constexpr std::size_t kMaxBakeName = 128;

// A name that a user may choose: letters, digits, '_', '-' and '.', the first a letter or digit.
// kInvalidArgument says what is wrong with it.
Status check_bake_name(std::string_view name);

// What a bake of `reference` is called if nobody says otherwise: what is no letter, digit or '-'
// becomes '_', so "nginx:1.27-alpine" is "nginx_1_27-alpine". An image that is a file is called as
// that, with some digits of a hash of where it lies. `suffix` comes last.
[[nodiscard]] std::string bake_name_for(std::string_view reference, std::string_view suffix = {});

}  // namespace supermachine::bake
