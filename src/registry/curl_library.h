// SPDX-License-Identifier: Apache-2.0
// libcurl, loaded when the first request is made: linked, it would bring thirty libraries into the
// start of every program (docs/decisions/0040-libcurl-on-demand.md).
#pragma once

#include <curl/curl.h>

#include "supermachine/result.h"

namespace supermachine::registry {

// Its functions, under their names without "curl_".
struct Curl {
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_url_set) url_set;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_free) free;
};

// Once a process; it stays. kUnsupported names the package that is missing.
Result<const Curl*> load_curl();

}  // namespace supermachine::registry
